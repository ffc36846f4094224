//! A course with one chapter in a temporary folder, and real `kit` processes in it.

use std::{
    env,
    ffi::OsString,
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use stage::{Status, nats::ToolCache};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The program under test.
pub(crate) const KIT: &str = env!("CARGO_BIN_EXE_kit");
const TOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy");
const DEADLINE: Duration = Duration::from_mins(1);

/// A course whose chapter 1 consists of one process, `toy`.
pub(crate) struct Course {
    folder: TempDir,
    port: u16,
    path: OsString,
}

/// A running `kit chapter 1`. It is killed on drop, so that a failing test leaves no processes behind.
pub(crate) struct Launched {
    kit: Child,
    printed: PathBuf,
}

impl Course {
    pub(crate) fn new() -> Self {
        static PORTS: AtomicU16 = AtomicU16::new(0);
        // Different ports for each test, because tests run in parallel.
        let offset =
            u16::try_from(std::process::id() % 100).unwrap() * 100 + PORTS.fetch_add(5, Ordering::Relaxed);
        let path = env::var_os("PATH").unwrap();
        let course = Self { folder: TempDir::new().unwrap(), port: 10_000 + offset, path };
        course.write("chapters/01-toy/chapter.toml", &manifest("", ""));
        course
    }

    /// The same with a NATS server.
    pub(crate) fn with_nats() -> Self {
        let cache = ToolCache::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        let server = Runtime::new().unwrap().block_on(cache.find_or_fetch(None)).unwrap();
        let course = Self::new();
        course.write(
            "chapters/01-toy/chapter.toml",
            &manifest("nats = true", "files = { TOY_FILE = \"toy.txt\" }"),
        );
        let folders = env::split_paths(&course.path).collect::<Vec<_>>();
        let folders = server.program.parent().map(Path::to_owned).into_iter().chain(folders);
        Self { path: env::join_paths(folders).unwrap(), ..course }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let file = self.root().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A PATH on which a script comes first.
    pub(crate) fn path_with(&self, name: &str, script: &str) -> OsString {
        self.write("script", script);
        let folder = self.root().join("programs");
        fs::create_dir_all(&folder).unwrap();
        // A child process writes the program, because a file that this process has open for writing cannot be executed.
        let mut install = Command::new("install");
        install.arg("-m755").arg(self.root().join("script")).arg(folder.join(name));
        assert!(install.status().unwrap().success());
        env::join_paths([folder].into_iter().chain(env::split_paths(&self.path))).unwrap()
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root().join(file)).unwrap()
    }

    /// A command of the kit in the course.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut kit = Command::new(KIT);
        kit.args(arguments).current_dir(self.root()).stdin(Stdio::null());
        kit.env_remove("STEPWISE_RUN_DIR").env("PATH", &self.path);
        // The toy is compiled once for all tests.
        kit.env("STEPWISE_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"));
        kit
    }

    /// Runs a command of the kit until it exits.
    pub(crate) fn kit(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn chapter(&self, more: &[&str]) -> Command {
        let port = self.port.to_string();
        self.command(&[&["chapter", "1", "--port", &port], more].concat())
    }

    /// Runs `kit chapter 1`, which must fail, and returns its exit code and its standard error.
    pub(crate) fn fails_to_start(&self, more: &[&str]) -> (Option<i32>, String) {
        let output = self.chapter(more).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Runs `kit chapter 1` and waits until the stage is ready.
    pub(crate) fn start(&self, more: &[&str]) -> Launched {
        let printed = self.root().join("printed");
        let out = fs::File::create(&printed).unwrap();
        let launched = self.launch(self.chapter(more).stdout(out), printed);
        until("the summary is printed", || launched.printed().contains("just stop"));
        launched
    }

    /// The same, with a command that was changed.
    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Command)) -> Launched {
        let printed = self.root().join("printed");
        let mut chapter = self.chapter(&[]);
        change(chapter.stdout(fs::File::create(&printed).unwrap()));
        self.launch(&mut chapter, printed)
    }

    /// The same, with a pipe for standard output.
    pub(crate) fn start_piped(&self, more: &[&str]) -> Launched {
        self.launch(self.chapter(more).stdout(Stdio::piped()), PathBuf::new())
    }

    /// The same, with a pseudo-terminal as standard input. Dropping the second value closes the terminal.
    pub(crate) fn start_at_terminal(&self, more: &[&str]) -> (Launched, impl Sized + use<>) {
        let (terminal, input) = open_terminal();
        let out = self.root().join("printed");
        let mut chapter = self.chapter(more);
        let launched = self.launch(chapter.stdin(input).stdout(fs::File::create(&out).unwrap()), out);
        (launched, terminal)
    }

    fn launch(&self, command: &mut Command, printed: PathBuf) -> Launched {
        let errors = self.root().join("errors");
        let kit = command.stderr(fs::File::create(&errors).unwrap()).spawn().unwrap();
        let mut launched = Launched { kit, printed };
        until("the stage is ready", || {
            let ended = launched.kit.try_wait().unwrap();
            assert!(ended.is_none(), "kit exited: {}", fs::read_to_string(&errors).unwrap());
            self.root().join(".run/status.json").exists()
        });
        launched
    }

    pub(crate) fn status(&self) -> Status {
        let output = self.kit(&["status", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Asserts that no stage is running here and that none of these processes is listening.
    pub(crate) fn assert_stopped(&self, status: &Status) {
        until("every process has ended", || {
            status.processes.iter().all(|process| !answers(&process.address))
        });
        until("the run folder is free", || self.kit(&["status"]).status.code() == Some(2));
    }
}

impl Launched {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.kit.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Its standard output so far.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.printed).unwrap()
    }

    /// Closes the other end of its standard output.
    pub(crate) fn hang_up(&mut self) {
        self.kit.stdout.take().unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.kit.try_wait().unwrap().is_none()
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        until("kit exits", || self.kit.try_wait().unwrap().is_some());
        self.kit.wait().unwrap()
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.kit.kill().ok();
        self.kit.wait().ok();
    }
}

/// Both ends of a pseudo-terminal: that of the person, and that of the program.
pub(crate) fn open_terminal() -> (fs::File, fs::File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    fcntl_setfd(&terminal, FdFlags::CLOEXEC).unwrap(); // otherwise kit would inherit both ends
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let program = fs::File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (terminal.into(), program)
}

/// A manifest with one process, additional lines for the chapter, and additional lines at the end.
pub(crate) fn manifest(chapter: &str, more: &str) -> String {
    format!(
        "number = 1\ntitle = \"A toy\"\nminutes = {{ read = 1, build = 1, exercises = 1 }}\nworkspace = \"{TOY}\"\n{chapter}\n\
        [[process]]\nservice = \"toy\"\nroutes = [\"/\"]\ndatabase = \"toy.db\"\n{more}"
    )
}

/// Whether the address accepts connections.
pub(crate) fn answers(address: &str) -> bool {
    let (_, host) = address.split_once("://").unwrap();
    TcpStream::connect(host).is_ok()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
