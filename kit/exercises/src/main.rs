//! `exercises`: the program behind `just exercises`, `start`, `check`, `watch`, `hint`, `reset`, `solution` and `prepare`.

mod learner;
mod facilitator;

use std::{
    fs::File,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use exercises::{Catalogue, NotPossible};
use stage::{Course, CourseError, Guard, nats::NatsError};
use tokio::signal::unix::{SignalKind, signal};

/// Exercises on the stages of the course.
#[derive(Parser)]
#[command(
    bin_name = "just",
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 success, 1 failure, 2 the command is not possible as given (usage errors included), \
        130 `watch` was ended with Ctrl-C."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the exercises with their minutes, your progress and what to do next
    Exercises(facilitator::ListArgs),
    /// Creates a folder to work in, a stage with a part removed. An existing folder is left as it is
    Start {
        /// Its number or id: 1.1
        exercise: String,
    },
    /// Compiles your work and runs the tests of the exercise, and no others
    Check {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Checks again whenever you save a file, until Ctrl-C
    Watch {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
    },
    /// Shows the next hint: a question, a concept, a skeleton, the code
    Hint {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
        /// Which hint, to read it again
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=4))]
        number: Option<u8>,
    },
    /// Begins again. Your present folder is moved aside, and its new name printed
    Reset {
        /// Its number or id: 1.1
        exercise: String,
    },
    /// Shows how the solution differs from your work, after asking
    Solution {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
        /// Does not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Fetches and compiles everything for a room without network, then tries it without
    Prepare {
        /// Only tries it: starts a stage and checks an exercise without network
        #[arg(long)]
        check: bool,
    },
    /// Proves that every exercise behaves as its exercise.toml declares
    Prove {
        /// Only these: chapters, or numbers or ids of exercises
        named: Vec<String>,
        /// Prints one JSON document: a list of {number, id, variant, holds, detail, seconds}
        #[arg(long)]
        json: bool,
    },
    /// The part of `prepare` that runs without network
    #[command(hide = true)]
    Trial,
    /// Kills the process groups named on its input when that input ends
    #[command(hide = true)]
    Guard,
}

/// The exit code of `watch` after Ctrl-C: 128 and the number of SIGINT, as in a shell.
const ENDED: u8 = 130;

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Guard => {
            stage::guard::run(io::stdin().lock()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        command => run(command),
    };
    ended.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        let not_possible = error.is::<NotPossible>() || error.is::<CourseError>() || error.is::<NatsError>();
        ExitCode::from(if not_possible { 2 } else { 1 })
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    let catalogue = Catalogue::of(&course)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    runtime.block_on(async {
        // Ctrl-C is how `watch` ends; every other command is cut short by it. After 0, `just` would print an error of its own.
        let interrupted = ExitCode::from(if matches!(command, Command::Watch { .. }) { ENDED } else { 1 });
        // The guard is not in the terminal's process group, so it survives Ctrl-C and kills every process that we started.
        let guard = Guard::spawn(&std::env::current_exe()?, File::options().write(true).open("/dev/null")?)?;
        let ended = tokio::select! {
            ended = dispatch(command, &catalogue, &guard) => ended,
            () = termination()? => { say("\ninterrupted"); Ok(interrupted) }
        };
        guard.release();
        ended
    })
}

async fn dispatch(command: Command, catalogue: &Catalogue, guard: &Guard) -> Result<ExitCode> {
    let mut learner = learner::Learner::new(catalogue, guard)?;
    match command {
        Command::Exercises(args) => facilitator::list(catalogue, args),
        Command::Start { exercise } => learner.start(&exercise),
        Command::Check { exercise, json } => learner.check(exercise.as_deref(), json).await,
        Command::Watch { exercise } => learner.watch(exercise.as_deref()).await,
        Command::Hint { exercise, number } => learner.hint(exercise.as_deref(), number.map(usize::from)),
        Command::Reset { exercise } => learner.reset(&exercise),
        Command::Solution { exercise, yes } => learner.solution(exercise.as_deref(), yes),
        Command::Prepare { check } => facilitator::prepare(catalogue, guard, check).await,
        Command::Prove { named, json } => facilitator::prove(catalogue, guard, &named, json).await,
        Command::Trial => facilitator::trial(catalogue, guard).await,
        Command::Guard => unreachable!("`main` runs the guard"),
    }
}

/// Waits for Ctrl-C, `kill`, or the terminal to close.
fn termination() -> Result<impl Future<Output = ()>> {
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Prints a line of progress or an error to standard error.
fn say(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Prints text to standard output. A closed pipe is not an error.
fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
