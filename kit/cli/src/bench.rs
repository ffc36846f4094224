//! `kit bench`: how fast a stage is, what browsing feels in a storm, and how long it is away after a crash.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use stage::Course;
use tokio::process::Command;

use crate::{signals::Signals, terminal, test::succeed};

/// What to measure.
#[derive(clap::Args)]
#[command(
    after_help = "Builds a stage of its own with optimisations and measures it beside the limits of this machine: about ten\n\
    minutes, and nothing else should run meanwhile. benches/README.md says how to read the figures."
)]
pub(crate) struct Args {
    /// The chapter's number
    #[arg(default_value_t = 1)]
    chapter: u32,
    /// Only one of the four
    #[arg(long, value_name = "BENCHMARK", value_parser = ["load", "orders", "storm", "failure"])]
    only: Option<String>,
    /// Only benchmarks with this in their name; and what else criterion takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILTER")]
    filter: Vec<String>,
}

pub(crate) async fn run(course: &Course, run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let chapter = course.chapter(args.chapter)?.manifest.number;
    let mut signals = Signals::new()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["bench", "--quiet", "-p", "benches"]).current_dir(&course.root);
    match &args.only {
        Some(benchmark) => cargo.args(["--bench", benchmark]),
        None => cargo.arg("--benches"),
    };
    cargo.arg("--").args(&args.filter);
    cargo.env_clear().envs(stage::environment::inherited());
    cargo.env("STEPWISE_CHAPTER", chapter.to_string()).env("STEPWISE_RUN_DIR", run_dir);
    tokio::select! {
        measured = succeed(cargo) => measured.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::say("interrupted; the guard ends what still runs of the stage");
            Ok(ExitCode::FAILURE)
        }
    }
}
