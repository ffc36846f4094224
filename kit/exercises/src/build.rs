//! Compiles the test programs of a copy with Cargo, without running them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use stage::{Guard, guard::ProcessGroup};
use tokio::process::Command;

use crate::exercise::Test;

/// The compiled test programs, by package and name.
#[derive(Debug, Default)]
pub struct Programs(BTreeMap<(String, String), Program>);

/// A compiled test program.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub file: PathBuf,
    /// The folder of its package, which its tests expect as their working directory.
    pub folder: PathBuf,
}

/// The result of compiling.
#[derive(Debug)]
pub enum Built {
    /// It compiles.
    Programs(Programs),
    /// It does not compile. Contains the compiler's messages, with colours.
    Errors(Vec<String>),
}

/// One line of Cargo's report.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Report {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        executable: Option<PathBuf>,
    },
    CompilerMessage {
        message: Message,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    spans: Vec<serde::de::IgnoredAny>,
}

/// Compiles the programs that contain these tests.
///
/// # Errors
/// Cargo cannot be run, or it fails for a reason other than the code.
pub async fn build(folder: &Path, tests: &[Test], guard: &Guard) -> Result<Built> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder); // Cargo looks for .cargo/config.toml from here upwards
    cargo.args(["test", "--no-run", "--message-format=json-diagnostic-rendered-ansi"]).args(selection(tests));
    cargo.env_clear().envs(stage::environment::of_workspace(folder));
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = cargo.spawn().context("cannot run cargo; install Rust from https://rustup.rs")?;
    let _group = ProcessGroup::watched(child.id(), guard);
    let output = child.wait_with_output().await?;

    let lines = output.stdout.split(|byte| *byte == b'\n');
    let reports: Vec<Report> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    if output.status.success() {
        return Ok(Built::Programs(programs(reports)));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let errors = errors(reports);
    if stderr.contains("No space left on device") {
        bail!("compiling failed{}", crate::DISK_FULL);
    }
    if !errors.is_empty() {
        return Ok(Built::Errors(errors));
    }
    let signs_of_no_network = ["failed to download", "Could not resolve host", "failed to get", "offline"];
    if signs_of_no_network.iter().any(|sign| stderr.contains(sign)) {
        bail!("a crate is not on this machine; run `just prepare` while there is a network:\n{stderr}");
    }
    bail!("cargo failed in {}:\n{stderr}", folder.display())
}

/// The arguments that select the packages and test programs.
fn selection(tests: &[Test]) -> Vec<String> {
    let packages: BTreeSet<_> = tests.iter().map(|test| &test.package).collect();
    let programs: BTreeSet<_> = tests.iter().map(|test| test.program.as_str()).collect();
    let packages = packages.into_iter().map(|package| format!("--package={package}"));
    let program = |name: &str| if name == "lib" { "--lib".to_owned() } else { format!("--test={name}") };
    packages.chain(programs.into_iter().map(program)).collect()
}

fn programs(reports: Vec<Report>) -> Programs {
    let mut programs = BTreeMap::new();
    for report in reports {
        let Report::CompilerArtifact { manifest_path, target, executable: Some(file) } = report else {
            continue;
        };
        let folder = manifest_path.parent().unwrap_or(&manifest_path).to_owned();
        let Some(package) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let name = match target.kind.first().map(String::as_str) {
            Some("lib") => "lib".to_owned(),
            Some("test") => target.name,
            _ => continue,
        };
        programs.insert((package, name), Program { file, folder });
    }
    Programs(programs)
}

fn errors(reports: Vec<Report>) -> Vec<String> {
    let mut errors = Vec::new();
    for report in reports {
        // An error without a location is only a summary: "aborting due to 2 previous errors".
        if let Report::CompilerMessage { message } = report
            && message.level == "error"
            && !message.spans.is_empty()
            && let Some(rendered) = message.rendered
            && !errors.contains(&rendered)
        {
            errors.push(rendered);
        }
    }
    errors
}

impl Programs {
    /// The program that contains a test.
    pub fn of(&self, test: &Test) -> Option<&Program> {
        self.0.get(&(test.package.clone(), test.program.clone()))
    }
}
