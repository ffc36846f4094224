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
    /// The fault
    fault: Choice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    /// SIGKILL, as a crash would; stays dead until healed
    Kill,
    /// SIGTERM, as an orderly end; stays dead until healed
    Stop,
    /// SIGSTOP: keeps its connections and does nothing until healed
    Freeze,
    /// Lets a frozen process go on, starts a dead one again on the same port and data
    Heal,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let fault = match args.fault {
        Choice::Kill => Fault::Kill,
        Choice::Stop => Fault::Stop,
        Choice::Freeze => Fault::Freeze,
        Choice::Heal => Fault::Heal,
    };
    let done = control::apply(run_dir, fault, &args.service).await?;
    terminal::print(&format!("{done}\n"))?;
    Ok(ExitCode::SUCCESS)
}
