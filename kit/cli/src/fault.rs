//! `kit break`: injects a fault into the running stage.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::ValueEnum;
use stage::{Fault, control};

use crate::terminal;

/// The fault and its target.
#[derive(clap::Args)]
#[command(after_help = "Returns once a killed process has exited, or a healed one is ready.\n\
    Example: just break shop kill, and then: just break shop heal")]
pub(crate) struct Args {
    /// A service (all its instances), one instance (`products-2`), the NATS server (`nats`) or the payment sandbox (`payments`)
    service: String,
    /// The fault; `slow`, `hang` and `cut` need a stage that was started with `--faults`
    fault: Choice,
    /// Milliseconds in each direction, for `slow`
    #[arg(required_if_eq("fault", "slow"), value_parser = clap::value_parser!(u64).range(1..=60_000))]
    ms: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// SIGKILL: a crash; the process stays dead until it is healed
    Kill,
    /// SIGTERM: a graceful shutdown; the process stays dead until it is healed
    Stop,
    /// SIGSTOP: the process keeps its connections but does not run until it is healed
    Freeze,
    /// Delays all bytes to and from NATS and the payment provider
    Slow,
    /// Keeps the connections to NATS and the payment provider open, but no bytes pass
    Hang,
    /// Closes the connections to NATS and the payment provider
    Cut,
    /// Resumes a frozen process, restarts a dead one on the same port and data, repairs the links
    Heal,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let fault = match args.fault {
        Choice::Kill => Fault::Kill,
        Choice::Stop => Fault::Stop,
        Choice::Freeze => Fault::Freeze,
        Choice::Slow => Fault::Slow { ms: args.ms.unwrap_or_default() }, // clap requires it
        Choice::Hang => Fault::Hang,
        Choice::Cut => Fault::Cut,
        Choice::Heal => Fault::Heal,
    };
    let done = control::apply(run_dir, fault, &args.service).await?;
    terminal::print(&format!("{done}\n"))?;
    Ok(ExitCode::SUCCESS)
}
