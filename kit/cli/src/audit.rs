//! `kit audit`: checks that the running stage lost, duplicated and oversold nothing.

use std::{path::Path, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use crate::{status, terminal};

/// Options of the audit.
#[derive(clap::Args)]
#[command(
    after_help = "Reads the shop through its staff API, the ledger of the payment provider and the streams of NATS, and runs the\n\
    database queries of the stage's `audit.toml`. Waits up to 10 s until the shop has processed everything. The exit\n\
    code is 1 if an invariant is violated. Three invariants need a record of the requests, which only the lab\n\
    keeps (`just lab`), so they are not checkable here."
)]
pub(crate) struct Args {
    /// Prints the report with all violations as JSON
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
        terminal::log(
            "the shop is still processing, or an invariant does not hold yet; retrying for up to 10 s",
        );
        auditing.await?
    };
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        terminal::print(&format!("Chapter {}: {}\n", status.chapter, coloured(&report)))?;
    }
    Ok(if report.broken().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report, with invariants that hold in green and violated ones in red.
fn coloured(report: &audit::Report) -> String {
    let colour = |line: &str| {
        let style = match line.trim_start().chars().next() {
            Some('✔') => AnsiColor::Green.on_default(),
            Some('✘') => AnsiColor::Red.on_default().bold(),
            Some('-') => Style::new().dimmed(),
            _ => Style::new(),
        };
        format!("{style}{line}{style:#}")
    };
    report.to_string().lines().map(colour).collect::<Vec<_>>().join("\n")
}
