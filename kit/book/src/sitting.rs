//! A sitting at a terminal: a reader's commands, typed at a stage of their own.
//!
//! A sitting that begins with `just chapter N` has that stage for all of its commands. The stage has a folder and ports of
//! its own; in what is printed they are the ones that a reader has.

use std::{
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use stage::{Course, Status, run::status_file};

/// The first port of a reader's stage.
const READERS_PORT: u16 = 8080;
/// The end of what `just chapter` prints before the log.
const LAST_OF_WELCOME: &str = "or Ctrl-C here";

/// A terminal in the course's root, and the stage that was started in it.
pub struct Sitting<'a> {
    root: &'a Path,
    run_dir: PathBuf,
    stage: Option<Stage>,
}

struct Stage {
    _launcher: Launcher,
    /// Open, for a launcher whose log nobody reads stops.
    _log: Lines<BufReader<ChildStdout>>,
    status: Status,
}

/// `just chapter`, running. Killed when dropped, and its guard ends what it had started.
struct Launcher(Child);

impl Drop for Launcher {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl<'a> Sitting<'a> {
    /// A sitting with no stage yet.
    pub fn new(course: &'a Course) -> Self {
        Self { root: &course.root, run_dir: course.run_dir().join("tests/book"), stage: None }
    }

    /// Runs a command of a reader's to its end, and gives what a reader would see. `just chapter` goes on, until the drop.
    ///
    /// # Errors
    /// It cannot be run; a stage does not start.
    pub fn type_in(&mut self, command: &str) -> Result<Vec<String>> {
        if command.starts_with("just chapter ") && !command.ends_with("--help") {
            return self.start(command);
        }
        let output = self.command(&self.to_stage(command)).stderr(Stdio::inherit()).output()?;
        let lines = String::from_utf8(output.stdout)?;
        Ok(lines.lines().map(|line| self.to_reader(line)).collect())
    }

    /// A command of a reader's as one of this course: `just` is the kit, with the folder of this terminal's stage.
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
        ensure!(self.stage.is_none(), "one stage is enough for a sitting");
        let command = format!("{command} --port {}", free_port()?);
        let mut kit = self.command(&command);
        let started = kit.stdout(Stdio::piped()).spawn();
        let mut launcher = Launcher(started.with_context(|| format!("cannot start {kit:?}"))?);
        let printed = launcher.0.stdout.take().context("it has no standard output")?;
        let mut printed = BufReader::new(printed).lines();
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(LAST_OF_WELCOME)) {
            match printed.next() {
                Some(line) => lines.push(line?),
                None => bail!("it ended: {}", lines.join("\n")),
            }
        }
        let status_file = status_file(&self.run_dir);
        let status = Status::read(&status_file).with_context(|| {
            format!("{} cannot be read, after\n{}", status_file.display(), lines.join("\n"))
        })?;
        // A blank line, then each process says that it listens; who is first is chance.
        let mut log = printed.by_ref().take(1 + status.processes.len()).collect::<Result<Vec<_>, _>>()?;
        log.sort_by(|one, other| one.trim_start().cmp(other.trim_start()));
        lines.extend(log);
        self.stage = Some(Stage { _launcher: launcher, _log: printed, status });
        Ok(lines.iter().map(|line| self.to_reader(line)).collect())
    }

    /// Ports of this terminal's stage, each with the one that a reader's stage has.
    fn ports(&self) -> Vec<(u16, u16)> {
        let addresses = self.stage.iter().flat_map(|stage| &stage.status.processes);
        let mut ports: Vec<u16> =
            addresses.filter_map(|process| process.address.rsplit_once(':')?.1.parse().ok()).collect();
        ports.sort_unstable();
        ports.into_iter().zip(READERS_PORT..).collect()
    }

    fn to_stage(&self, command: &str) -> String {
        self.ports().iter().fold(command.to_owned(), |text, (ours, readers)| {
            text.replace(&format!("127.0.0.1:{readers}"), &format!("127.0.0.1:{ours}"))
        })
    }

    fn to_reader(&self, line: &str) -> String {
        let line = self.ports().iter().fold(line.to_owned(), |text, (ours, readers)| {
            let said = [("127.0.0.1:", ours, readers), ("port ", ours, readers)];
            said.iter().fold(text, |text, (before, ours, readers)| {
                text.replace(&format!("{before}{ours}"), &format!("{before}{readers}"))
            })
        });
        let run_dir = self.run_dir.strip_prefix(self.root).unwrap_or(&self.run_dir);
        line.replace(&run_dir.display().to_string(), ".run").trim_end().to_owned()
    }
}

/// The kit that called this program or, where nobody did, the one that Cargo builds.
fn kit() -> Command {
    if let Some(kit) = std::env::var_os("STEPWISE_KIT").filter(|kit| Path::new(kit).is_file()) {
        return Command::new(kit);
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "kit", "--"]);
    cargo
}

/// The first of a few ports that nobody listens on, as wide as a reader's, so that columns stay.
fn free_port() -> Result<u16> {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut candidates = (4000..9000).step_by(20).filter(|first| !(8000..8200).contains(first));
    candidates.find(|first| (*first..first + 10).all(free)).context("no ports are free")
}
