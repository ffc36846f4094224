//! `kit audit`: checks that the running stage lost, duplicated and oversold nothing.

use std::{path::Path, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use stage::{Status, status::State};

use crate::{CannotRun, journal, status, terminal};

/// Options of the audit.
#[derive(clap::Args)]
#[command(
    after_help = "Reads the shop through its staff API, the ledger of the payment provider and the streams of NATS, and runs the\n\
    database queries of the stage's `audit.toml`. Waits up to 10 s until the shop has processed everything. Three\n\
    invariants compare the orders with the requests that were sent. They are checked for the orders of `just tour`,\n\
    which records its requests; `just lab` records all requests. The exit code is 1 if an invariant is violated."
)]
pub(crate) struct Args {
    /// Prints the report with all violations as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(run_dir: &Path, args: &Args) -> Result<ExitCode> {
    let status = status::running(run_dir)?;
    let down = down(&status);
    if !down.is_empty() {
        let reason = format!("the audit needs every service of the stage:\n{}", down.join("\n"));
        return Err(CannotRun(reason).into());
    }
    let journal = journal::read(run_dir, status.chapter)?;
    let mut auditing = std::pin::pin!(audit::audit(&status, journal));
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

/// The services without a running instance, each with the command that heals it.
fn down(status: &Status) -> Vec<String> {
    let mut services: Vec<_> = status.processes.iter().map(|process| process.service.as_str()).collect();
    services.dedup();
    let is_down = |service: &&str| {
        let mut instances = status.processes.iter().filter(|process| process.service == **service);
        instances.all(|process| process.state != State::Running)
    };
    let line = |service: &str| {
        let instances = status.processes.iter().filter(|process| process.service == service);
        let described = instances.map(|process| format!("{} is {}", process.name(), process.state));
        format!("  {}; heal it: just break {service} heal", described.collect::<Vec<_>>().join(", "))
    };
    services.into_iter().filter(is_down).map(line).collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(states: &[(&str, u16, &str)]) -> Status {
        let processes: Vec<_> = states
            .iter()
            .map(|(service, instance, state)| {
                json!({ "service": service, "instance": instance, "pid": null, "state": state, "address": "", "log": "" })
            })
            .collect();
        let document = json!({
            "chapter": 8, "routes": {}, "staff": {"email": "", "password": ""}, "payments": null, "nats": null,
            "workspace": "", "processes": processes, "databases": [], "settings": {},
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_service_without_a_running_instance_is_reported_with_the_command_that_heals_it() {
        let status = status(&[("users", 1, "running"), ("orders", 1, "dead"), ("nats", 1, "frozen")]);
        assert_eq!(
            down(&status),
            [
                "  orders-1 is dead; heal it: just break orders heal",
                "  nats-1 is frozen; heal it: just break nats heal"
            ]
        );
    }

    #[test]
    fn a_service_with_one_running_instance_is_not_down() {
        assert_eq!(down(&status(&[("products", 1, "dead"), ("products", 2, "running")])), [""; 0]);
        let both = status(&[("products", 1, "dead"), ("products", 2, "dead")]);
        assert_eq!(
            down(&both),
            ["  products-1 is dead, products-2 is dead; heal it: just break products heal"]
        );
    }
}
