//! Runs the acceptance suite against a running stage.

use std::path::PathBuf;
use std::process::ExitCode;

use acceptance::journeys::TOPICS;
use acceptance::runner::{self, Totals};
use acceptance::stage::Stage;
use anyhow::{Context, Result, ensure};
use clap::Parser;
use shop_client::Request;

/// Asks a running stage for everything that the contract promises.
#[derive(Parser)]
struct Args {
    /// The status file of the running stage: what `just status --json` prints.
    #[arg(long, required_unless_present = "list")]
    status: Option<PathBuf>,

    /// Runs the journeys that need a stage with `ORDER_TTL=3s` and `TOKEN_TTL=3s`, and only those.
    #[arg(long)]
    short_lived: bool,

    /// Lists the rules and runs nothing.
    #[arg(long)]
    list: bool,

    /// Prints one JSON document instead of lines.
    #[arg(long)]
    json: bool,

    /// Journeys that run at once.
    #[arg(long, default_value_t = 8)]
    jobs: usize,

    /// Only rules that contain this text, topic included: `orders`, or `payments: a declined`.
    filter: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let chosen = runner::choose(TOPICS, args.short_lived, args.filter.as_deref().unwrap_or_default());
    let Some(status) = args.status.filter(|_| !args.list) else {
        for (topic, journey) in chosen {
            println!("{topic}: {}", journey.rule());
        }
        return Ok(ExitCode::SUCCESS);
    };
    let stage =
        Stage::open(&status).with_context(|| format!("cannot test the stage of {}", status.display()))?;
    ensure!(!chosen.is_empty(), "no rule contains that text: see --list");
    let ready = stage.shop.send(Request::get("/health/ready")).await;
    ready.context("the stage does not answer: is it still running?")?;
    let Totals { passed, failed } = runner::run(&stage, chosen, args.jobs, args.json).await;
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
