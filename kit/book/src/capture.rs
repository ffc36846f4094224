//! Recording a sitting at a terminal: its commands are typed again, at a stage of their own.
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

use crate::{
    picture::terminal,
    transcript::{Entry, Transcript},
};

/// The first port of a reader's stage.
const READERS_PORT: u16 = 8080;
/// The first line that `just chapter` prints when all is said.
const LAST_OF_WELCOME: &str = "or Ctrl-C here";

/// Records captures again, those of these names or all, and writes those that tell something else.
///
/// # Errors
/// A command cannot be run.
pub fn record(course: &Course, names: &[String]) -> Result<()> {
    for (name, file) in files(course)? {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let old = Transcript::read(&file)?;
        let new = again(course, &old).with_context(|| name.clone())?;
        let blank = old.entries.iter().all(|entry| entry.output.is_empty());
        if blank || old.unchecked.is_some() || old.difference(&new).is_some() {
            std::fs::write(&file, new.text())?;
            if let Some(picture) = picture_of(course, &name) {
                std::fs::write(picture, terminal(&new.entries[0]))?;
            }
            println!("{name}: recorded");
        } else {
            println!("{name}: as before");
        }
    }
    Ok(())
}

/// What is printed in the book and no longer by the commands.
///
/// # Errors
/// A command cannot be run.
pub fn outdated(course: &Course) -> Result<Vec<String>> {
    let mut outdated = Vec::new();
    for (name, file) in files(course)? {
        let recorded = Transcript::read(&file)?;
        if recorded.unchecked.is_some() {
            continue;
        }
        let new = again(course, &recorded).with_context(|| name.clone())?;
        let difference = recorded.difference(&new);
        outdated.extend(difference.map(|difference| {
            format!("book/captures/{name}.txt is out of date (just book --capture {name}):\n{difference}")
        }));
    }
    Ok(outdated)
}

/// The pictures that do not show what their captures have.
///
/// # Errors
/// A capture cannot be read.
pub fn outdated_pictures(course: &Course) -> Result<Vec<String>> {
    let mut outdated = Vec::new();
    for (name, file) in files(course)? {
        if let Some(picture) = picture_of(course, &name)
            && std::fs::read_to_string(&picture)? != terminal(&Transcript::read(&file)?.entries[0])
        {
            outdated.push(format!(
                "book/src/images/{name}.svg does not show its capture (just book --capture {name})"
            ));
        }
    }
    Ok(outdated)
}

fn picture_of(course: &Course, name: &str) -> Option<PathBuf> {
    let picture = course.root.join(format!("book/src/images/{name}.svg"));
    picture.is_file().then_some(picture)
}

fn files(course: &Course) -> Result<Vec<(String, PathBuf)>> {
    let folder = course.root.join("book/captures");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".txt")) {
            files.push((name.to_owned(), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// Types the commands of a transcript again.
fn again(course: &Course, transcript: &Transcript) -> Result<Transcript> {
    let mut terminal = Terminal::new(course);
    let mut entries = Vec::new();
    for Entry { command, .. } in &transcript.entries {
        let output = terminal.type_in(command).with_context(|| format!("$ {command}"))?;
        entries.push(Entry { command: command.clone(), output });
    }
    Ok(Transcript { unchecked: transcript.unchecked.clone(), entries })
}

/// A terminal in the course's root, and the stage that was started in it.
struct Terminal<'a> {
    root: &'a Path,
    run_dir: PathBuf,
    stage: Option<Stage>,
}

/// `just chapter`, running. Killed when dropped, and its guard ends what it had started.
struct Stage {
    launcher: Child,
    /// Open, for a launcher whose log nobody reads stops.
    _log: Lines<BufReader<ChildStdout>>,
    status: Status,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.launcher.kill().ok();
        self.launcher.wait().ok();
    }
}

impl<'a> Terminal<'a> {
    fn new(course: &'a Course) -> Self {
        Self { root: &course.root, run_dir: course.run_dir().join("tests/book"), stage: None }
    }

    fn type_in(&mut self, command: &str) -> Result<Vec<String>> {
        if command.starts_with("just chapter ") {
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
            kit.args(arguments.split_whitespace()).arg("--run-dir").arg(&self.run_dir);
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
        let mut launcher = self.command(&command).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let printed = launcher.stdout.take().context("it has no standard output")?;
        let mut printed = BufReader::new(printed).lines();
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(LAST_OF_WELCOME)) {
            match printed.next() {
                Some(line) => lines.push(line?),
                None => bail!("it ended: {}", lines.join("\n")),
            }
        }
        let status = Status::read(&status_file(&self.run_dir))?;
        // A blank line, then each process says that it listens.
        let log = printed.by_ref().take(1 + status.processes.len()).collect::<Result<Vec<_>, _>>()?;
        lines.extend(log);
        self.stage = Some(Stage { launcher, _log: printed, status });
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
    if let Some(kit) = std::env::var_os("STEPWISE_KIT") {
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
