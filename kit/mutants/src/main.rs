//! `mutants`, which `just test mutants` runs. The exit code is 1 if the audit misses a mutant or reports a violation in an
//! unmodified stage.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use mutants::{Mutant, MutantResult, Runner};
use stage::Course;

/// Checks that the audit catches a mutant of the shop for every invariant.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every mutant, and each unmodified stage as a control
    Prove(Args),
    /// Ends the process groups that it reads from standard input once the input is closed
    #[command(hide = true)]
    Guard,
}

#[derive(clap::Args)]
struct Args {
    /// Runs only mutants whose name contains one of these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Seed of the random load and of the times of the faults
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints a JSON list of {invariant, mutant, caught, others, found}
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
            result = prove(args) => result,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("\ninterrupted; all processes of the stage were stopped");
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

async fn prove(args: &Args) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    let mut mutants = Mutant::all(&course.root)?;
    let wanted = |mutant: &Mutant| args.names.iter().any(|name| mutant.name.contains(name.as_str()));
    mutants.retain(|mutant| args.names.is_empty() || wanted(mutant));
    ensure!(!mutants.is_empty(), "no mutant name contains that text; see the folders in mutants/");
    let (mut results, mut false_positives) = (Vec::new(), 0);
    for of_chapter in mutants.chunk_by(|one, other| one.chapter == other.chapter) {
        let number = of_chapter[0].chapter;
        let runner = Runner::new(&course, number)?;
        let broken = runner.run_unmodified(args.seed).await?.audit.broken;
        let verdict = if broken.is_empty() { "✔ no invariant is broken" } else { "✘ FALSE POSITIVE" };
        eprintln!("chapter {number} unmodified: {verdict}");
        for (name, found) in &broken {
            eprintln!("    {name}: {}", found.join("; "));
        }
        false_positives += broken.len();
        for mutant in of_chapter {
            let result = runner.run_mutant(mutant, args.seed).await?;
            eprintln!("{}", summary(mutant, &result));
            results.push(result);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    }
    let is_exact = |result: &MutantResult| result.caught && result.others.is_empty();
    let passed = false_positives == 0 && results.iter().all(is_exact);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The name, the defect and the result of a mutant, in two or three lines.
fn summary(mutant: &Mutant, result: &MutantResult) -> String {
    let mark = if result.caught { "✔" } else { "✘ NOT CAUGHT:" };
    let others = if result.others.is_empty() {
        String::new()
    } else {
        format!("\n    ✘ the audit also reported: {}", result.others.join(", "))
    };
    let found = result.found.as_deref().unwrap_or("the audit found no violation");
    format!("{mark} {} (chapter {}): {}\n    {found}{others}", mutant.name, mutant.chapter, mutant.what)
}
