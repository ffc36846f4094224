//! `kit`: the program behind `just`. Each command is a file here, and most of the work is done by the other crates of the kit.

mod audit;
mod bench;
mod book;
mod chapter;
mod dead_letters;
mod doctor;
mod lab;
mod fault;
mod journal;
mod json;
mod lists;
mod merged_log;
mod messages;
mod delegate;
#[cfg(test)]
mod nats_server;
mod signals;
mod status;
mod table;
mod terminal;
mod tour;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use stage::{Course, CourseError, RunError, RunFolder, StartError, control::ControlError};

use delegate::exec_program;

/// Runs, breaks, tests and audits the stages of the course.
#[derive(Parser)]
#[command(
    name = "just",
    bin_name = "just",
    after_help = "Exit codes: 0 success, 1 failure, 2 the command cannot run here, or a usage error."
)]
struct Cli {
    /// The folder of the running stage, with status, logs and data [default: .run in the course's root]
    #[arg(long, global = true, env = "STEPWISE_RUN_DIR", value_name = "FOLDER")]
    run_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds and starts a stage, prints how to use it, and follows its log; Ctrl-C stops everything
    Chapter(chapter::Args),
    /// Shows the running stage: processes, addresses, memory, log-ins
    Status(status::Args),
    /// Walks through one customer's journey on the running stage, request by request
    Tour(tour::Args),
    /// Checks that the running stage lost, duplicated and oversold nothing
    Audit(audit::Args),
    /// Lists, shows, replays and drops the messages that the running stage could not process
    DeadLetters(dead_letters::Args),
    /// Stops the running stage from another terminal
    Stop,
    /// Injects a fault into the running stage
    Break(fault::Args),
    /// Runs all tests, or those of one chapter
    Test(delegate::Args),
    /// Measures a stage: load, browsing during a log-in storm, and the downtime after a crash, with the limits of this machine
    Bench(bench::Args),
    /// Runs an experiment on separate stages: load, faults, audit
    Lab(delegate::Args),
    /// Measures several chapters in turn, and writes a table, charts and JSON
    Compare(delegate::Args),
    /// Builds the book and serves it on this machine
    Book(book::Args),
    /// Lists the exercises: minutes, your progress, and the next one
    Exercises(delegate::Args),
    /// Creates a folder to work in: a stage with one part removed
    Start(delegate::Args),
    /// Compiles your code and runs the tests of the exercise
    Check(delegate::Args),
    /// Runs the check whenever you save a file
    Watch(delegate::Args),
    /// Shows the next hint: a question, a concept, a skeleton, the code
    Hint(delegate::Args),
    /// Restarts an exercise; your files are moved to another folder
    Reset(delegate::Args),
    /// Shows the differences between the stage and your code, after confirmation
    Solution(delegate::Args),
    /// Fetches and compiles everything for a workshop without network
    Prepare(delegate::Args),
    /// Shows the differences between two chapters
    Diff(delegate::Args),
    /// (authors) Carries the uncommitted change of a chapter forward through every later one
    Carry(delegate::Args),
    /// (authors) Prints the table of changes of a chapter, computed from its files
    Declare(delegate::Args),
    /// (authors) Updates a dependency to the same version in every workspace
    Update(delegate::Args),
    /// Checks that this machine has everything the course needs
    Doctor(doctor::Args),
    /// Ends the watched process groups when its input is closed
    #[command(hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command {
        Command::Guard => {
            stage::guard::run(io::stdin().lock()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        command => run(command, cli.run_dir),
    };
    ended.unwrap_or_else(|error| {
        terminal::log(&format!("error: {error:#}"));
        exit_code(&error)
    })
}

fn run(command: Command, run_dir: Option<PathBuf>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let ended = runtime.block_on(dispatch(command, run_dir));
    // A blocked terminal must not delay the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn dispatch(command: Command, run_dir: Option<PathBuf>) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    let run_dir = match run_dir {
        Some(run_dir) => std::path::absolute(run_dir)?,
        None => course.run_dir(),
    };
    match command {
        Command::Chapter(args) => chapter::run(&course, &run_dir, args).await,
        Command::Status(args) => status::run(&run_dir, &args),
        Command::Tour(args) => tour::run(&course, &run_dir, &args).await,
        Command::Audit(args) => audit::run(&run_dir, &args).await,
        Command::DeadLetters(args) => dead_letters::run(&run_dir, &args).await,
        Command::Stop => stop(&run_dir).await,
        Command::Break(args) => fault::run(&run_dir, &args).await,
        Command::Bench(args) => bench::run(&course, &run_dir, &args).await,
        Command::Lab(args) => lab::run(&course, &run_dir, &args).await,
        Command::Compare(args) => Err(lab::exec_experiments(&course, &run_dir, "compare", &args).await),
        Command::Book(args) => book::run(&course, &args).await,
        Command::Test(args) => Err(exec_program(&course, "verify", "test", &args).await),
        Command::Exercises(args) => exercises(&course, &args).await,
        Command::Start(args) => Err(exec_program(&course, "exercises", "start", &args).await),
        Command::Check(args) => Err(exec_program(&course, "exercises", "check", &args).await),
        Command::Watch(args) => Err(exec_program(&course, "exercises", "watch", &args).await),
        Command::Hint(args) => Err(exec_program(&course, "exercises", "hint", &args).await),
        Command::Reset(args) => Err(exec_program(&course, "exercises", "reset", &args).await),
        Command::Solution(args) => Err(exec_program(&course, "exercises", "solution", &args).await),
        Command::Prepare(args) => Err(exec_program(&course, "exercises", "prepare", &args).await),
        Command::Diff(args) => Err(exec_program(&course, "chain", "diff", &args).await),
        Command::Carry(args) => Err(exec_program(&course, "chain", "carry", &args).await),
        Command::Declare(args) => Err(exec_program(&course, "chain", "declare", &args).await),
        Command::Update(args) => Err(exec_program(&course, "chain", "update", &args).await),
        Command::Doctor(args) => doctor::run(&course, &args),
        Command::Guard => unreachable!("`main` has handled it"),
    }
}

/// Lists the exercises. Progress is shown by the program `exercises`. Before its first build there is no progress, so the list comes
/// from the files, without waiting for a build.
async fn exercises(course: &Course, args: &delegate::Args) -> Result<ExitCode> {
    if args.arguments.is_empty() && !course.root.join("target/debug/exercises").is_file() {
        let start = "Start with the first one: just start 1.1";
        terminal::print(&format!("{}\n{start}\n", lists::exercises(course)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    Err(exec_program(course, "exercises", "exercises", args).await)
}

async fn stop(run_dir: &Path) -> Result<ExitCode> {
    let Some(holder) = RunFolder::stop_holder(run_dir).await? else {
        return Err(ControlError::NoStage.into());
    };
    terminal::print(&format!("chapter {} stopped, all of its processes have ended\n", holder.chapter))?;
    Ok(ExitCode::SUCCESS)
}

/// A command that cannot run here, or that was called incorrectly.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CannotRun(String);

/// 2 if the command cannot run here, 1 if it failed.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let impossible = error.is::<CannotRun>()
        || error.is::<CourseError>()
        || error.is::<RunError>()
        || error.is::<ControlError>()
        || matches!(error.downcast_ref(), Some(StartError::Scale { .. } | StartError::Setting(_)));
    ExitCode::from(if impossible { 2 } else { 1 })
}
