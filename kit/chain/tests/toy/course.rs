//! A course of three chapters in a temporary folder, in which the tests run `chain`.
//!
//! Chapter 2 moves `users.rs` from the crate `shop` to a new crate and changes `app.rs`. Chapter 3, whose stage is in
//! `services`, adds a file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The course, in a folder of a temporary folder. Another folder is the home of a user.
pub(crate) struct Course {
    folder: TempDir,
    root: PathBuf,
}

/// The exit status and the output of a command.
pub(crate) struct Ended {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// `app.rs` of chapter 1. Its first and last lines are far enough apart that changes of both can be merged.
pub(crate) const APP: &str = "// app\nfn first() {}\n\n\n\n\n\nfn last() {}\n";

const SHOP: &str = "[package]\nname = \"shop\"\nversion.workspace = true\n";
const USERS: &str = "[package]\nname = \"users\"\nversion.workspace = true\n";
const DELTA: &str = "changed = [\"Cargo.toml\", \"shop/src/app.rs\"]\nadded = [\"users/Cargo.toml\"]\n\
    moved = [\"shop/src/users.rs -> users/src/lib.rs\"]\n";

impl Course {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let course = Self { root: folder.path().join("course"), folder };
        course.write(".gitignore", "target/\n");
        let stages = [
            ("chapters/01-one", "\"shop\""),
            ("chapters/02-two", "\"shop\", \"users\""),
            ("services", "\"shop\", \"users\""),
        ];
        for ((stage, members), number) in stages.into_iter().zip(1..) {
            course.write(&format!("{stage}/Cargo.toml"), workspace(number, members));
            course.write(&format!("{stage}/Cargo.lock"), "version = 4\n");
            course.write(&format!("{stage}/README.md"), stage);
            course.write(&format!("{stage}/shop/Cargo.toml"), SHOP);
            course.write(&format!("{stage}/shop/src/domain.rs"), "//! Knows no axum.\npub struct Order;\n");
            course.write(&format!("{stage}/shop/src/app.rs"), APP);
        }
        course.write("chapters/01-one/shop/src/users.rs", "pub struct User;\n");
        for stage in ["chapters/02-two", "services"] {
            course.write(&format!("{stage}/users/Cargo.toml"), USERS);
            course.write(&format!("{stage}/users/src/lib.rs"), "pub struct User;\n");
            course.write(&format!("{stage}/shop/src/app.rs"), APP.replace("last()", "at_last()"));
        }
        course.write("services/shop/src/relay.rs", "// relay\n");
        course.declare("01-one", "");
        course.declare("02-two", DELTA);
        course.declare("03-three", "added = [\"shop/src/relay.rs\"]\n");
        course
    }

    /// The same course, in which the stage in `services` belongs to chapter 8 and the chapters before it are missing.
    pub(crate) fn with_gap() -> Self {
        let course = Self::new();
        fs::remove_dir_all(course.root().join("chapters/03-three")).unwrap();
        course.edit("services/Cargo.toml", "0.3.0", "0.8.0");
        course.declare("08-eight", "added = [\"shop/src/relay.rs\"]\n");
        course
    }

    /// The same course as a git repository.
    pub(crate) fn committed() -> Self {
        Self::new().commit()
    }

    /// Creates a git repository and commits all files.
    pub(crate) fn commit(self) -> Self {
        self.git(&["init", "--quiet"]);
        self.git(&["add", "."]);
        self.git(&[
            "-c",
            "user.name=toy",
            "-c",
            "user.email=toy@localhost",
            "commit",
            "--quiet",
            "-m",
            "toy",
        ]);
        self
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a manifest with these `[changes]`.
    pub(crate) fn declare(&self, chapter: &str, changes: &str) {
        let number = &chapter[1..2];
        let workspace = if matches!(number, "3" | "8") { "workspace = \"../../services\"\n" } else { "" };
        let table = if changes.is_empty() { String::new() } else { format!("[changes]\n{changes}") };
        self.write(
            &format!("chapters/{chapter}/chapter.toml"),
            format!(
                "number = {number}\ntitle = \"A toy\"\nminutes = {{ read = 1, build = 1, exercises = 1 }}\n{workspace}\
                [[process]]\nservice = \"shop\"\n{table}"
            ),
        );
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let file = self.root().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root().join(file)).unwrap()
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.root().join(file).exists()
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.root().join(file)).unwrap();
    }

    /// Replaces a text in a file. Panics if the file does not contain it.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "{file} does not contain {old}: {text}");
        self.write(file, text.replace(old, new));
    }

    fn git(&self, arguments: &[&str]) {
        let git = self.command("git").args(arguments).output().unwrap();
        assert!(git.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&git.stderr));
    }

    /// Runs `chain` in the root of the course.
    pub(crate) fn chain(&self, arguments: &[&str]) -> Ended {
        self.command(env!("CARGO_BIN_EXE_chain")).args(arguments).output().unwrap().into()
    }

    /// The same as [`Course::chain`], for a user whose machine ignores and changes whatever it can.
    pub(crate) fn chain_on_a_machine_of_its_own(&self, arguments: &[&str]) -> Ended {
        let home = self.folder.path().join("home");
        let global = "*.rs\n*.toml\n";
        let config = "[core]\nautocrlf = true\nexcludesFile = ~/ignored\n[color]\nui = always\n\
            [diff]\nexternal = false\nnoprefix = true\nrelative = true\n[status]\nshowUntrackedFiles = no\n";
        for (file, text) in [
            ("home/.gitconfig", config),
            ("home/ignored", global),
            ("home/.config/git/ignore", global),
            (".gitignore", "*\n"),
            (".ignore", "*\n"),
            ("course/.git/info/exclude", global),
        ] {
            let file = self.folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let mut chain = self.command(env!("CARGO_BIN_EXE_chain"));
        chain.env("HOME", &home).env("XDG_CONFIG_HOME", home.join(".config"));
        chain.env("GIT_DIR", "/nowhere").env("GIT_INDEX_FILE", "/nowhere").env("GIT_EXTERNAL_DIFF", "false");
        chain.args(arguments).output().unwrap().into()
    }

    /// Runs `chain` with colours and returns its output.
    pub(crate) fn coloured(&self, arguments: &[&str]) -> String {
        let mut chain = self.command(env!("CARGO_BIN_EXE_chain"));
        let output =
            chain.args(arguments).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command in the root of the course that uses neither the repository nor the Cargo home of the caller.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.root())
            .stdin(Stdio::null())
            .env("CARGO_HOME", self.root().join("target/home"));
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self { ok: output.status.success(), out, err }
    }
}

impl Ended {
    /// Asserts that the command failed, and returns its output.
    pub(crate) fn failed(self) -> String {
        assert!(!self.ok, "it should have failed: {}", self.out);
        self.out + &self.err
    }

    /// Asserts that the command succeeded, and returns its output.
    pub(crate) fn succeeded(self) -> String {
        assert!(self.ok, "it failed: {}{}", self.out, self.err);
        self.out
    }
}

fn workspace(number: u32, members: &str) -> String {
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[workspace.package]\nversion = \"0.{number}.0\" # identifies the copy\n\
        edition = \"2024\"\n\n[workspace.dependencies]\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"
    )
}
