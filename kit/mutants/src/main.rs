//! `mutants`: what `just test mutants` runs. The exit code is 1 when a mutant gets away, or when the audit says something of
//! a stage that is as it should be.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use mutants::{Caught, Hunt, Mutant};
use stage::Course;

/// Proves that the audit catches a mutant of the shop for every invariant.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every mutant, and the stages that they are mutants of
    Prove(Args),
    /// Ends the process groups it is told of when its input breaks off
    #[command(hide = true)]
    Guard,
}

#[derive(clap::Args)]
struct Args {
    /// Only mutants whose name has one of these in it
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Visitors, their choices and the times of faults follow from it
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints a list of {invariant, mutant, caught, others, found}, for tools
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let Command::Prove(args) = &cli.command else {
        stage::guard::run(std::io::stdin().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = hunt(args) => ended,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("\ninterrupted; nothing of the stage is left running");
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

async fn hunt(args: &Args) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    let mut mutants = Mutant::all(&course.root)?;
    let wanted = |mutant: &Mutant| args.names.iter().any(|name| mutant.name.contains(name.as_str()));
    mutants.retain(|mutant| args.names.is_empty() || wanted(mutant));
    ensure!(!mutants.is_empty(), "no mutant has that in its name; see the folders of mutants/");
    let (mut all, mut alarms) = (Vec::new(), 0);
    for of_one in mutants.chunk_by(|one, other| one.chapter == other.chapter) {
        let number = of_one[0].chapter;
        let hunt = Hunt::of(&course, number)?;
        let broken = hunt.healthy(args.seed).await?.audit.broken;
        let verdict = if broken.is_empty() { "✔ nothing is broken" } else { "✘ FALSE ALARM" };
        eprintln!("chapter {number} as it is: {verdict}");
        for (name, found) in &broken {
            eprintln!("    {name}: {}", found.join("; "));
        }
        alarms += broken.len();
        for mutant in of_one {
            let caught = hunt.catch(mutant, args.seed).await?;
            eprintln!("{}", told(mutant, &caught));
            all.push(caught);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    let is_exact = |caught: &Caught| caught.caught && caught.others.is_empty();
    Ok(if alarms == 0 && all.iter().all(is_exact) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// For example `✔ holds-match: order … holds … (A cancelled order keeps what it held.)`.
fn told(mutant: &Mutant, caught: &Caught) -> String {
    let mark = if caught.caught { "✔" } else { "✘ NOT CAUGHT:" };
    let others = if caught.others.is_empty() {
        String::new()
    } else {
        format!("\n    ✘ and others, which it should not break: {}", caught.others.join(", "))
    };
    let found = caught.found.as_deref().unwrap_or("the audit found nothing");
    format!("{mark} {} (chapter {}): {}\n    {found}{others}", mutant.name, mutant.chapter, mutant.what)
}
