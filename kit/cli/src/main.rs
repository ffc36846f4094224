//! `kit`: what `just` calls. Each command is a file; the work is in the libraries beside this crate.

mod audit;
mod bench;
mod book;
mod chapter;
mod doctor;
mod experiments;
mod fault;
mod json;
mod links;
mod merged;
mod messages;
mod program;
mod signals;
mod status;
mod table;
mod terminal;
mod test;
mod tour;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use stage::{Course, CourseError, RunError, RunFolder, control::ControlError};

use program::become_program;

/// Runs, breaks, tests and audits the stages of the course.
#[derive(Parser)]
#[command(
    name = "kit",
    after_help = "Exit codes: 0 done, 1 it failed, 2 it cannot be done here (or a usage error)."
)]
struct Cli {
    /// The folder of the running stage: status, logs, data [default: .run in the course's root]
    #[arg(long, global = true, env = "STEPWISE_RUN_DIR", value_name = "FOLDER")]
    run_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds and starts a stage, prints how to use it, then its log; Ctrl-C stops everything
    Chapter(chapter::Args),
    /// Shows the running stage: processes, addresses, memory, log-ins
    Status(status::Args),
    /// Walks one customer's journey through the running stage, request by request
    Tour(tour::Args),
    /// Checks that the running stage lost, doubled and oversold nothing
    Audit(audit::Args),
    /// Stops the running stage from another terminal
    Stop,
    /// Does a fault to the running stage
    Break(fault::Args),
    /// Runs every test, or those of one chapter
    Test(test::Args),
    /// Measures a stage: load beside the limits of this machine, browsing in a storm, and the time from a kill to the first good answer
    Bench(bench::Args),
    /// Runs an experiment on stages of its own: load, faults, audit
    Lab(program::Args),
    /// Measures several chapters in turn and writes a table, charts and JSON
    Compare(program::Args),
    /// Builds the book and serves it on this machine
    Book(book::Args),
    /// Lists the exercises: minutes, your progress, what is next
    Exercises(program::Args),
    /// Makes a folder to work in: a stage with a part taken away
    Start(program::Args),
    /// Compiles what you have and runs the tests of the exercise
    Check(program::Args),
    /// Checks again whenever you save a file
    Watch(program::Args),
    /// Shows the next hint of an exercise
    Hint(program::Args),
    /// Begins an exercise anew; what you have is moved aside
    Reset(program::Args),
    /// Shows what the stage has and you have not, after asking
    Solution(program::Args),
    /// Fetches and compiles everything for a room without network
    Prepare(program::Args),
    /// Shows what differs between two chapters
    Diff(program::Args),
    /// Takes the uncommitted change of a chapter forward through every later one
    Carry(program::Args),
    /// Prints the table of what a chapter changes, from its files
    Declare(program::Args),
    /// Brings a dependency to one version in every workspace
    Update(program::Args),
    /// Checks that this machine has what the course needs
    Doctor(doctor::Args),
    /// Ends the process groups it is told of when its input breaks off
    #[command(hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Guard => {
            stage::guard::stand(io::stdin().lock()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        command => run(command, cli.run_dir),
    };
    ended.unwrap_or_else(|error| {
        terminal::say(&format!("error: {error:#}"));
        exit_code(&error)
    })
}

fn run(command: Command, run_dir: Option<PathBuf>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let ended = runtime.block_on(dispatch(command, run_dir));
    // A terminal that takes no more lines must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn dispatch(command: Command, run_dir: Option<PathBuf>) -> Result<ExitCode> {
    let course = Course::around(&std::env::current_dir()?)?;
    let run_dir = match run_dir {
        Some(run_dir) => std::path::absolute(run_dir)?,
        None => course.run_dir(),
    };
    match command {
        Command::Chapter(args) => chapter::run(&course, &run_dir, args).await,
        Command::Status(args) => status::run(&run_dir, &args),
        Command::Tour(args) => tour::run(&course, &run_dir, &args).await,
        Command::Audit(args) => audit::run(&run_dir, &args).await,
        Command::Stop => stop(&run_dir).await,
        Command::Break(args) => fault::run(&run_dir, &args).await,
        Command::Bench(args) => bench::run(&course, &run_dir, &args).await,
        Command::Lab(args) => Err(experiments::become_experiments(&course, &run_dir, "lab", &args)),
        Command::Compare(args) => Err(experiments::become_experiments(&course, &run_dir, "compare", &args)),
        Command::Book(args) => book::run(&course, &args).await,
        Command::Test(args) => test::run(&course, &args).await,
        Command::Exercises(args) => Err(become_program(&course, "exercises", "exercises", &args)),
        Command::Start(args) => Err(become_program(&course, "exercises", "start", &args)),
        Command::Check(args) => Err(become_program(&course, "exercises", "check", &args)),
        Command::Watch(args) => Err(become_program(&course, "exercises", "watch", &args)),
        Command::Hint(args) => Err(become_program(&course, "exercises", "hint", &args)),
        Command::Reset(args) => Err(become_program(&course, "exercises", "reset", &args)),
        Command::Solution(args) => Err(become_program(&course, "exercises", "solution", &args)),
        Command::Prepare(args) => Err(become_program(&course, "exercises", "prepare", &args)),
        Command::Diff(args) => Err(become_program(&course, "chain", "diff", &args)),
        Command::Carry(args) => Err(become_program(&course, "chain", "carry", &args)),
        Command::Declare(args) => Err(become_program(&course, "chain", "declare", &args)),
        Command::Update(args) => Err(become_program(&course, "chain", "update", &args)),
        Command::Doctor(args) => doctor::run(&course, &args),
        Command::Guard => unreachable!("a guard needs neither course nor runtime"),
    }
}

async fn stop(run_dir: &Path) -> Result<ExitCode> {
    let Some(holder) = RunFolder::stop_holder(run_dir).await? else {
        return Err(ControlError::NoStage.into());
    };
    terminal::print(&format!("chapter {} is stopped, nothing of it is left running\n", holder.chapter))?;
    Ok(ExitCode::SUCCESS)
}

/// 2 for what cannot be done here and now, 1 for what was done and failed.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let impossible = error.is::<CourseError>() || error.is::<RunError>() || error.is::<ControlError>();
    ExitCode::from(if impossible { 2 } else { 1 })
}
