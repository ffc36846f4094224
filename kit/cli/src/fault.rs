//! `kit break`: a fault, done to the running stage.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::ValueEnum;
use stage::{Fault, control};

use crate::terminal;

/// What to do to whom.
#[derive(clap::Args)]
#[command(after_help = "Returns when it is done: a killed process has ended, a healed one is ready.\n\
    Example: just break shop kill, and then: just break shop heal")]
pub(crate) struct Args {
    /// A service, all its instances; one instance (`products-2`); `nats`, the NATS server; or `payments`, the payment sandbox
    service: String,
    /// The fault; `slow`, `hang` and `cut` need a stage that was started with `--faults`
    fault: Choice,
    /// Of `slow`: milliseconds each way
    #[arg(required_if_eq("fault", "slow"), value_parser = clap::value_parser!(u64).range(1..=60_000))]
    ms: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// SIGKILL, as a crash would; stays dead until healed
    Kill,
    /// SIGTERM, as an orderly end; stays dead until healed
    Stop,
    /// SIGSTOP: keeps its connections and does nothing until healed
    Freeze,
    /// What goes to NATS and to the payment provider, and comes from them, comes later
    Slow,
    /// Nothing comes through to NATS and to the payment provider, and no connection breaks
    Hang,
    /// The connections to NATS and to the payment provider are broken
    Cut,
    /// Lets a frozen process go on, starts a dead one again on the same port and data, mends links
    Heal,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let fault = match args.fault {
        Choice::Kill => Fault::Kill,
        Choice::Stop => Fault::Stop,
        Choice::Freeze => Fault::Freeze,
        Choice::Slow => Fault::Slow { ms: args.ms.unwrap_or_default() }, // clap has asked for it
        Choice::Hang => Fault::Hang,
        Choice::Cut => Fault::Cut,
        Choice::Heal => Fault::Heal,
    };
    let done = control::apply(run_dir, fault, &args.service).await?;
    terminal::print(&format!("{done}\n"))?;
    Ok(ExitCode::SUCCESS)
}
