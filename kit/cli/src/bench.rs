//! `kit bench`: measures throughput and latency of a stage, the effect of a log-in storm on browsing, and the downtime after a crash.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use stage::Course;
use tokio::process::Command;

use crate::{delegate::run_to_success, signals::Signals, terminal};

/// The stage and the benchmarks.
#[derive(clap::Args)]
#[command(
    after_help = "Builds a separate stage with optimisations, and measures it together with the limits of this machine. This takes\n\
    about ten minutes, and nothing else should run at the same time. benches/README.md explains the figures."
)]
pub(crate) struct Args {
    /// The chapter's number
    #[arg(default_value_t = 1)]
    chapter: u32,
    /// Runs only this benchmark
    #[arg(long, value_name = "BENCHMARK", value_parser = ["load", "orders", "storm", "failure"])]
    only: Option<String>,
    /// Runs only benchmarks whose name contains this text; other options are passed on to criterion
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILTER")]
    filter: Vec<String>,
}

pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let chapter = course.chapter(args.chapter)?.manifest.number;
    let mut signals = Signals::new()?;
    let mut cargo = Command::new("cargo");
    terminal::log(
        "compiling the benchmarks and the stage with optimisations; the first time takes several minutes",
    );
    cargo.args(["bench", "-p", "benches"]).current_dir(&course.root);
    match &args.only {
        Some(benchmark) => cargo.args(["--bench", benchmark]),
        None => cargo.arg("--benches"),
    };
    cargo.arg("--").args(&args.filter);
    cargo.env_clear().envs(stage::environment::of_workspace(&course.root));
    cargo.env("STEPWISE_CHAPTER", chapter.to_string()).env("STEPWISE_RUN_DIR", run_dir);
    tokio::select! {
        measured = run_to_success(cargo) => measured.map(|()| ExitCode::SUCCESS),
        _ = signals.next() => {
            terminal::log("interrupted; the processes of the stage are being stopped");
            Ok(ExitCode::FAILURE)
        }
    }
}
