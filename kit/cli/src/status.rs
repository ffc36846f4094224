//! `kit status`: shows the running stage, for people and for tools.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result};
use stage::{Phase, RunFolder, Status, control::ControlError, run::status_file};

use crate::{
    table::{relative, table},
    terminal,
};

/// The interval for checking whether a stage is ready.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Options of the status.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prints the status as JSON, the interface for tools
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let status = running(run_dir)?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&status)?)
    } else {
        format!("Chapter {} is running.\n\n{}", status.chapter, describe(&status))
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The status of the stage in a run folder.
///
/// # Errors
/// [`ControlError::NoStage`] or [`ControlError::NotReady`].
pub(crate) fn running(run_dir: &Path) -> Result<Status> {
    // Check the lock, not the status file: a killed launcher leaves its status file behind.
    let holder = RunFolder::holder(run_dir).ok_or(ControlError::NoStage)?;
    match Status::read(&status_file(run_dir)) {
        Ok(status) => Ok(status),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ControlError::NotReady { holder, phase: RunFolder::phase(run_dir) }.into())
        }
        Err(error) => Err(error).context("cannot read the status"),
    }
}

/// The status of the stage in a run folder, once it is ready.
///
/// # Errors
/// No stage is running or starting.
pub(crate) async fn wait_until_ready(run_dir: &Path) -> Result<Status> {
    let mut announced = None;
    loop {
        let error = match running(run_dir) {
            Ok(status) => return Ok(status),
            Err(error) => error,
        };
        match error.downcast_ref() {
            Some(ControlError::NotReady { phase: Phase::Compiling | Phase::Starting, .. }) => {}
            _ => return Err(error),
        }
        let state = error.to_string();
        if announced.as_ref() != Some(&state) {
            terminal::log(&format!("waiting: {state}"));
            announced = Some(state);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Processes, databases and log-ins.
pub(crate) fn describe(status: &Status) -> String {
    let mut rows = vec![["process", "state", "pid", "memory", "address", "log"].map(str::to_owned)];
    rows.extend(status.processes.iter().map(|process| {
        [
            process.name(),
            process.state.to_string(),
            process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            process
                .pid
                .and_then(resident_memory)
                .map_or_else(|| "-".to_owned(), |kib| format!("{} MB", kib / 1024)),
            process.address.clone(),
            relative(&process.log),
        ]
    }));
    let mut facts: Vec<[String; 2]> = Vec::new();
    let mut fact = |name: &str, value: String| facts.push([name.to_owned(), value]);
    for (route, url) in &status.routes {
        let path = if route == "/" { String::new() } else { format!("  {route}") };
        let balanced = status.balancers.values().any(|balancer| balancer == url);
        fact(
            "public API",
            format!("{url}{path}{}", if balanced { "  load balancer, round robin" } else { "" }),
        );
    }
    let databases: Vec<_> = status.databases.iter().map(PathBuf::as_path).map(relative).collect();
    fact("data", databases.join("  "));
    fact("staff log-in", format!("{}  {}", status.staff.email, status.staff.password));
    if !status.settings.is_empty() {
        let settings: Vec<_> =
            status.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        fact("settings", settings.join("  "));
    }
    format!("{}\n{}", table(&rows), table(&facts))
}

/// Resident memory of a process in KiB: from /proc on Linux, and from `ps` on other systems.
fn resident_memory(pid: u32) -> Option<u64> {
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        return line.trim().strip_suffix(" kB")?.parse().ok();
    }
    let ps = Command::new("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output().ok()?;
    String::from_utf8(ps.stdout).ok()?.trim().parse().ok()
}
