//! `kit audit`: whether the running stage lost, doubled or oversold anything.

use std::{path::Path, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use crate::{status, terminal};

/// How to show it.
#[derive(clap::Args)]
#[command(
    after_help = "Reads what staff can read through the shop's API, the payment provider's ledger and the streams of NATS, and\n\
    asks the databases what the stage's `audit.toml` has. Waits up to 10 s for the shop to come to rest. The exit\n\
    code is 1 when an invariant is broken; what was asked of the shop is known to the lab only (`just lab`),\n\
    so three invariants are not checkable here."
)]
pub(crate) struct Args {
    /// Prints the report with every violation, for tools
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let status = status::running(run_dir)?;
    let mut auditing = std::pin::pin!(audit::audit(&status, None));
    let soon = tokio::time::timeout(Duration::from_secs(1), &mut auditing).await;
    let report = if let Ok(report) = soon {
        report?
    } else {
        terminal::say("not at rest, or not right yet; looking again for up to 10 s");
        auditing.await?
    };
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        terminal::print(&format!("Chapter {}: {}\n", status.chapter, painted(&report)))?;
    }
    Ok(if report.broken().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report with what holds in green and what does not in red.
fn painted(report: &audit::Report) -> String {
    let paint = |line: &str| {
        let style = match line.trim_start().chars().next() {
            Some('✔') => AnsiColor::Green.on_default(),
            Some('✘') => AnsiColor::Red.on_default().bold(),
            Some('-') => Style::new().dimmed(),
            _ => Style::new(),
        };
        format!("{style}{line}{style:#}")
    };
    report.to_string().lines().map(paint).collect::<Vec<_>>().join("\n")
}
