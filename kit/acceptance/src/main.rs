//! Runs the acceptance suite against a running stage.

use std::path::PathBuf;
use std::process::ExitCode;

use acceptance::journeys::TOPICS;
use acceptance::runner::{self, Totals};
use acceptance::stage::Stage;
use anyhow::{Context, Result, ensure};
use clap::Parser;
use shop_client::Request;

/// Checks a running stage against everything that the contract promises.
#[derive(Parser)]
struct Args {
    /// The status file of the running stage: the output of `just status --json`.
    #[arg(long, required_unless_present = "list")]
    status: Option<PathBuf>,

    /// Runs only the journeys that need a stage with `ORDER_TTL=3s` and `TOKEN_TTL=3s`.
    #[arg(long)]
    short_lived: bool,

    /// Lists the rules and runs nothing.
    #[arg(long)]
    list: bool,

    /// Prints the results as one JSON document.
    #[arg(long)]
    json: bool,

    /// The number of journeys that run concurrently.
    #[arg(long, default_value_t = 8)]
    jobs: usize,

    /// Runs only rules whose text contains this, topic included: `orders`, or `payments: an order`.
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
    ensure!(!chosen.is_empty(), "no rule contains that text; --list shows all rules");
    let ready = stage.shop.send(Request::get("/health/ready")).await;
    ready.context("the stage does not respond: is it still running?")?;
    let Totals { passed, failed } = runner::run(&stage, chosen, args.jobs, args.json).await;
    Ok(if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
