//! A terminal session: the commands that a reader would type, run on a stage of their own.
//!
//! If a session begins with `just chapter N`, all of its commands run on that stage. The stage has its own folder and ports; in
//! the recorded output they are replaced by those that a reader sees.

use std::{
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use stage::{Course, Status, run::status_file};

/// The first port of a reader's stage.
const READER_PORT: u16 = 8080;
/// The last line that `just chapter` prints before the log contains this.
const END_OF_WELCOME: &str = "or Ctrl-C here";

/// A terminal in the root of the course, and the stage that was started in it.
pub struct Session<'a> {
    root: &'a Path,
    run_dir: PathBuf,
    stage: Option<Stage>,
}

struct Stage {
    _launcher: Launcher,
    /// Kept open, because the launcher blocks when nobody reads its log.
    _log: Lines<BufReader<ChildStdout>>,
    status: Status,
}

/// A running `just chapter`. It is killed when dropped, and its guard then ends the processes of the stage.
struct Launcher(Child);

impl Drop for Launcher {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Stops the stage and waits until all of its processes have ended. Otherwise the next session could find it running.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.stage.is_some() {
            self.command("just stop").output().ok();
        }
    }
}

impl<'a> Session<'a> {
    /// A session without a stage.
    pub fn new(course: &'a Course) -> Self {
        Self { root: &course.root, run_dir: course.run_dir().join("tests/book"), stage: None }
    }

    /// Runs a command to its end and returns the lines that a reader would see. `just chapter` keeps running until the session is
    /// dropped.
    ///
    /// # Errors
    /// The command cannot be run, or the stage does not start.
    pub fn run(&mut self, command: &str) -> Result<Vec<String>> {
        if command.starts_with("just chapter ") && !command.ends_with("--help") {
            return self.start(command);
        }
        let output = self.command(&self.to_stage(command)).stderr(Stdio::inherit()).output()?;
        let lines = String::from_utf8(output.stdout)?;
        Ok(lines.lines().map(|line| self.to_reader(line)).collect())
    }

    /// A reader's command, as it runs here: `just` is the kit, with the folder of this session's stage.
    fn command(&self, command: &str) -> Command {
        let mut run = if let Some(arguments) = command.strip_prefix("just ") {
            let mut kit = kit();
            kit.arg("--run-dir").arg(&self.run_dir).args(arguments.split_whitespace());
            kit
        } else {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec 2>&1; {command}")]);
            shell
        };
        run.current_dir(self.root).env("NO_COLOR", "1").stdin(Stdio::null());
        run
    }

    fn start(&mut self, command: &str) -> Result<Vec<String>> {
        ensure!(self.stage.is_none(), "a session can start only one stage");
        let command = format!("{command} --port {}", free_port()?);
        let mut kit = self.command(&command);
        let started = kit.stdout(Stdio::piped()).spawn();
        let mut launcher = Launcher(started.with_context(|| format!("cannot start {kit:?}"))?);
        let printed = launcher.0.stdout.take().context("it has no standard output")?;
        let mut printed = BufReader::new(printed).lines();
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(END_OF_WELCOME)) {
            match printed.next() {
                Some(line) => lines.push(line?),
                None => bail!("just chapter ended early: {}", lines.join("\n")),
            }
        }
        let status_file = status_file(&self.run_dir);
        let status = Status::read(&status_file).with_context(|| {
            format!("{} cannot be read, after\n{}", status_file.display(), lines.join("\n"))
        })?;
        // A blank line, then one line from each process when it listens, in an order that varies from run to run.
        let mut log = printed.by_ref().take(1 + status.processes.len()).collect::<Result<Vec<_>, _>>()?;
        log.sort_by(|one, other| one.trim_start().cmp(other.trim_start()));
        lines.extend(log);
        self.stage = Some(Stage { _launcher: launcher, _log: printed, status });
        Ok(lines.iter().map(|line| self.to_reader(line)).collect())
    }

    /// The ports of this session's stage, each with the port that a reader's stage has in its place.
    fn ports(&self) -> Vec<(u16, u16)> {
        let addresses = self.stage.iter().flat_map(|stage| &stage.status.processes);
        let mut ports: Vec<u16> =
            addresses.filter_map(|process| process.address.rsplit_once(':')?.1.parse().ok()).collect();
        ports.sort_unstable();
        ports.into_iter().zip(READER_PORT..).collect()
    }

    fn to_stage(&self, command: &str) -> String {
        self.ports().iter().fold(command.to_owned(), |text, (ours, readers)| {
            text.replace(&format!("127.0.0.1:{readers}"), &format!("127.0.0.1:{ours}"))
        })
    }

    fn to_reader(&self, line: &str) -> String {
        let line = self.ports().iter().fold(line.to_owned(), |text, (ours, readers)| {
            ["127.0.0.1:", "port "].iter().fold(text, |text, before| {
                text.replace(&format!("{before}{ours}"), &format!("{before}{readers}"))
            })
        });
        let run_dir = self.run_dir.strip_prefix(self.root).unwrap_or(&self.run_dir);
        line.replace(&run_dir.display().to_string(), ".run").trim_end().to_owned()
    }
}

/// The kit that called this program; otherwise the one that Cargo builds.
fn kit() -> Command {
    if let Some(kit) = std::env::var_os("STEPWISE_KIT").filter(|kit| Path::new(kit).is_file()) {
        return Command::new(kit);
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "kit", "--"]);
    cargo
}

/// The first of ten free ports. It has as many digits as a reader's port, so that columns stay aligned.
fn free_port() -> Result<u16> {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut candidates = (4000..9000).step_by(20).filter(|first| !(8000..8200).contains(first));
    candidates.find(|first| (*first..first + 10).all(free)).context("no ports are free")
}
