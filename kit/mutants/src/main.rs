//! `mutants`, which `just test mutants` runs. The exit code is 1 if the audit misses a mutant or reports a violation in an
//! unmodified stage.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    process::ExitCode,
    time::Instant,
};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use futures_util::future::try_join_all;
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
    /// Runs only the mutants of this chapter
    #[arg(long)]
    chapter: Option<u32>,
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
    mutants.retain(|mutant| args.chapter.is_none_or(|chapter| mutant.chapter == chapter));
    ensure!(!mutants.is_empty(), "no mutant name contains that text; see the folders in mutants/");
    let (mut results, mut false_positives) = (Vec::new(), 0);
    for of_chapter in mutants.chunk_by(|one, other| one.chapter == other.chapter) {
        let (broken, caught) = prove_chapter(&course, of_chapter, args.seed).await?;
        false_positives += broken;
        results.extend(caught);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    }
    let passed = false_positives == 0 && results.iter().all(is_exact);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The names of the copies of a stage.
const COPIES: [&str; 2] = ["a", "b"];

/// Runs the mutants of a chapter, and the unmodified chapter. While the processes of one wait, Cargo compiles another.
/// Returns the number of false positives, and the results in the order of their names.
async fn prove_chapter(course: &Course, mutants: &[Mutant], seed: u64) -> Result<(usize, Vec<MutantResult>)> {
    let waiting = RefCell::new(std::iter::once(None).chain(mutants.iter().map(Some)));
    let next = || waiting.borrow_mut().next();
    let false_positives = Cell::new(0);
    let run_in = async |copy: &str| {
        let runner = Runner::new(course, mutants[0].chapter, copy)?;
        let mut results = Vec::new();
        while let Some(mutant) = next() {
            let start = Instant::now();
            let (holds, text) = match mutant {
                None => {
                    let broken = runner.run_unmodified(seed).await?.audit.broken;
                    false_positives.set(broken.len());
                    (broken.is_empty(), control(&broken))
                }
                Some(mutant) => {
                    let result = runner.run_mutant(mutant, seed).await?;
                    let text = summary(mutant, &result);
                    let is_exact = is_exact(&result);
                    results.push(result);
                    (is_exact, text)
                }
            };
            let verdict = if holds { "ok" } else { "FAILED" };
            eprintln!("  {verdict:<6}  {:>5.1} s  {text}", start.elapsed().as_secs_f64());
        }
        anyhow::Ok(results)
    };
    let mut results = try_join_all(COPIES.map(run_in)).await?.concat();
    results.sort_by(|one, other| one.mutant.cmp(&other.mutant));
    Ok((false_positives.get(), results))
}

/// Whether the audit reported the invariant of the mutant as broken, and no other.
fn is_exact(result: &MutantResult) -> bool {
    result.caught && result.others.is_empty()
}

/// The result of the unmodified chapter.
fn control(broken: &BTreeMap<String, Vec<String>>) -> String {
    let verdict = if broken.is_empty() { "no invariant is broken" } else { "FALSE POSITIVE" };
    let found = broken.iter().map(|(name, found)| format!("\n      {name}: {}", found.join("; ")));
    format!("unmodified: {verdict}{}", found.collect::<String>())
}

/// The name, the defect and the result of a mutant, in two or three lines.
fn summary(mutant: &Mutant, result: &MutantResult) -> String {
    let missed = if result.caught { "" } else { "NOT CAUGHT: " };
    let others = if result.others.is_empty() {
        String::new()
    } else {
        format!("\n      the audit also reported: {}", result.others.join(", "))
    };
    let found = result.found.as_deref().unwrap_or("the audit found no violation");
    format!("{}: {missed}{}\n      {found}{others}", mutant.name, mutant.what)
}
