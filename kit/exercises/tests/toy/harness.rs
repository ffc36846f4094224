//! A copy of the toy course in a temporary folder, in which tests run the program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

const COURSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/course");
const DEADLINE: Duration = Duration::from_mins(1);

/// A copy of the course for one test, in a folder of a temporary folder.
pub(crate) struct Course {
    folder: TempDir,
}

impl Course {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy(Path::new(COURSE), &folder.path().join("course"));
        Self { folder }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("course").join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    /// Replaces a text that occurs once in a file.
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {path}:\n{text}");
        self.write(path, &text.replace(old, new));
    }

    /// Solves an exercise with the stage's own file.
    pub(crate) fn solve(&self, exercise: &str, path: &str) {
        let solution = self.read(&format!("chapters/01-till/{path}"));
        self.write(&format!("work/{exercise}/{path}"), &solution);
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_exercises"));
        program.args(arguments).current_dir(self.path("")).stdin(Stdio::null());
        // Separate caches for each test, because several tests have packages of the same name and version.
        program.env("STEPWISE_TARGET_DIR", self.path("target"));
        program
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.command(arguments).output().unwrap().stdout).unwrap()
    }
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// Asserts the exit code and texts that the command printed, on either stream.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.out.contains(part) || self.err.contains(part), "{part:?} is not in {self:?}");
        }
    }
}

/// A running program. Killed on drop, so that a failing test leaves no process behind.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}
