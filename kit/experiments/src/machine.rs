//! The machine, the code and the time of a measurement, without which its numbers mean nothing.

use std::{fs, path::Path, process::Command};

use jiff::Timestamp;
use load::cores::Cores;
use serde::{Deserialize, Serialize};

/// The circumstances of a measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// When the measurement was made.
    pub at: Timestamp,
    /// The commit of the course, followed by `+` if there are uncommitted changes.
    pub commit: String,
    /// The processor's name, if the system provides it.
    pub processor: String,
    /// Cores that this program may use.
    pub cores: usize,
    /// The cores of load and stage.
    pub pinning: String,
    /// Main memory in MB, if the system provides it.
    pub memory_mb: Option<u64>,
    /// The operating system, from `uname`.
    pub system: String,
    /// The compiler.
    pub rustc: String,
    /// Whether this was a release build.
    pub optimised: bool,
}

impl Machine {
    /// Describes this machine.
    pub fn inspect(root: &Path, cores: &Cores, optimised: bool) -> Self {
        let git = |arguments: &[&str]| output(stage::environment::git(root).args(arguments));
        let changed = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let commit = git(&["rev-parse", "--short=12", "HEAD"]);
        Self {
            at: Timestamp::now(),
            commit: if changed { commit + "+" } else { commit },
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism()
                .map_or(0, usize::from)
                .max(cores.load.len() + cores.stage.len()),
            pinning: cores.describe(),
            memory_mb: field("/proc/meminfo", "MemTotal")
                .and_then(|text| Some(text.strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)),
            system: output(Command::new("uname").arg("-srm")),
            rustc: output(Command::new("rustc").arg("--version").current_dir(root)),
            optimised,
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let memory = self.memory_mb.map_or_else(String::new, |mb| format!(", {} GB", (mb + 512) / 1024));
        let build = if self.optimised { "" } else { ", debug build" };
        format!("{}, {} cores{memory}, {}; {}{build}", self.processor, self.cores, self.system, self.pinning)
    }
}

/// The value of the first line `name: value` of a file.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The output of a program, empty if it cannot be run.
fn output(command: &mut Command) -> String {
    let output = command.output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
