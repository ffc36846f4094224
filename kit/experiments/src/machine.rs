//! What a figure was measured on. A figure without it is a rumour.

use std::{fs, path::Path, process::Command};

use jiff::Timestamp;
use load::cores::Cores;
use serde::{Deserialize, Serialize};

/// The machine, the code and the moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// When it was looked at.
    pub at: Timestamp,
    /// The commit of the course; `+` after it: with changes that are in no commit.
    pub commit: String,
    /// The processor, where the system tells.
    pub processor: String,
    /// Cores that this program may use.
    pub cores: usize,
    /// Who ran where.
    pub pinning: String,
    /// Main memory in MB, where the system tells.
    pub memory_mb: Option<u64>,
    /// The system, as `uname` says.
    pub system: String,
    /// The compiler.
    pub rustc: String,
    /// Whether programs were compiled for measurements.
    pub optimised: bool,
}

impl Machine {
    /// Looks at the machine that this runs on.
    pub fn look(root: &Path, cores: &Cores, optimised: bool) -> Self {
        let changed = !said(root, "git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let commit = said(root, "git", &["rev-parse", "--short=12", "HEAD"]);
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
            system: said(root, "uname", &["-srm"]),
            rustc: said(root, "rustc", &["--version"]),
            optimised,
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let memory = self.memory_mb.map_or_else(String::new, |mb| format!(", {} GB", (mb + 512) / 1024));
        let build = if self.optimised { "" } else { ", NOT optimised" };
        format!("{}, {} cores{memory}, {}; {}{build}", self.processor, self.cores, self.system, self.pinning)
    }
}

/// The value of the first `name: value` of a file.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program says; nothing where it is not there.
fn said(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
