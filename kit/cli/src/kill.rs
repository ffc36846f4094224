//! `kit kill-test`: `kill -9` under load, and what the shop kept.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use lab::{KillReport, KillTest};
use stage::{Course, Options, Stage};

use crate::{audit::painted, chapter::Scale, signals::Signals, terminal, test::private_stage};

/// Which stage, and how.
#[derive(clap::Args)]
#[command(
    after_help = "Starts a stage of its own, lets customers buy, kills every process of the shop and NATS at once while requests are in\n\
    flight, starts them again, and so on; then judges the shop against everything that was asked of it.\n\
    The exit code is 1 when an invariant does not hold."
)]
pub(crate) struct Args {
    /// The chapter's number
    #[arg(default_value_t = 1)]
    chapter: u32,
    /// What is asked follows from it
    #[arg(long, default_value_t = KillTest::default().seed)]
    seed: u64,
    /// How often everything is killed
    #[arg(long, default_value_t = KillTest::default().rounds, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Customers who buy meanwhile, each one request at a time
    #[arg(long, default_value_t = KillTest::default().customers, value_parser = clap::value_parser!(u64).range(1..=1000))]
    customers: u64,
    #[command(flatten)]
    scale: Scale,
    /// Prints the report with every violation, for tools
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let Args { chapter, seed, rounds, customers, json, ref scale } = *args;
    let options = Options { scale: scale.clone().into(), ..Options::default() };
    let test = KillTest { seed, rounds, customers };
    let report = tokio::select! {
        report = on_private_stage(course, chapter, options, test) => report?,
        () = signals.next() => {
            terminal::say("interrupted; nothing of the stage is left running");
            return Ok(ExitCode::FAILURE);
        }
    };
    let shown = if json { serde_json::to_string_pretty(&report)? } else { painted(&report) };
    terminal::print(&format!("{shown}\n"))?;
    Ok(if report.unproven().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The kill test as one step of `kit test`: an error where an invariant is broken.
pub(crate) async fn succeeds(stage: &Stage) -> Result<()> {
    let report = kill(stage, KillTest::default()).await?;
    terminal::print(&format!("{}\n", painted(&report)))?;
    ensure!(report.unproven().is_empty(), "not held: {}", report.unproven().join(", "));
    Ok(())
}

async fn on_private_stage(
    course: &Course,
    chapter: u32,
    options: Options,
    test: KillTest,
) -> Result<KillReport> {
    let stage = private_stage(course, chapter, options).await?;
    let report = kill(&stage, test).await;
    stage.stop().await;
    report
}

async fn kill(stage: &Stage, test: KillTest) -> Result<KillReport> {
    let KillTest { seed, rounds, customers } = test;
    terminal::say(&format!(
        "{customers} customers buy (seed {seed}) while everything is killed {rounds} times"
    ));
    test.run(stage, |round| terminal::say(&format!("kill {round} of {rounds}"))).await
}
