//! `exercises`: what `just exercises`, `start`, `check`, `watch`, `hint`, `reset`, `solution` and `prepare` run.

mod learn;
mod teach;

use std::{
    fs::File,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use exercises::{Catalogue, Impossible};
use stage::{Course, CourseError, Guard, nats::NatsError};
use tokio::signal::unix::{SignalKind, signal};

/// Exercises on the stages of the course.
#[derive(Parser)]
#[command(
    bin_name = "just",
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 it failed, 2 it cannot be done here (or a usage error)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the exercises: minutes, your progress, what is next
    Exercises(teach::ListArgs),
    /// Makes a folder to work in: a stage with a part taken away. One that is there is left as it is
    Start {
        /// Its number or id: 1.1
        exercise: String,
    },
    /// Compiles what you have and runs the tests of the exercise, and no others
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
    /// Shows the next hint: a question, then a concept, then code
    Hint {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
        /// Which one, to read it again
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
        number: Option<u8>,
    },
    /// Begins anew; the folder you have is moved aside and named
    Reset {
        /// Its number or id: 1.1
        exercise: String,
    },
    /// Shows what the stage has and you have not, after asking
    Solution {
        /// Its number or id [default: the one started last]
        exercise: Option<String>,
        /// Does not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Fetches and compiles everything for a room without network, then tries it without
    Prepare {
        /// Only tries: starts a stage and checks an exercise without network
        #[arg(long)]
        check: bool,
    },
    /// Proves that every exercise does as it declares
    Prove {
        /// Only these: chapters, or numbers or ids of exercises
        named: Vec<String>,
        /// Prints one JSON document: a list of {number, id, variant, holds, told, seconds}
        #[arg(long)]
        json: bool,
    },
    /// What `prepare` runs without network
    #[command(hide = true)]
    Trial,
    /// Ends the process groups it is told of when its input breaks off
    #[command(hide = true)]
    Guard,
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Guard => {
            stage::guard::run(io::stdin().lock()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        command => run(command),
    };
    ended.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        let impossible = error.is::<Impossible>() || error.is::<CourseError>() || error.is::<NatsError>();
        ExitCode::from(if impossible { 2 } else { 1 })
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    let catalogue = Catalogue::of(&course)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    runtime.block_on(async {
        // Out of the terminal's reach, so that whatever was started ends however we do.
        let guard = Guard::spawn(&std::env::current_exe()?, File::options().write(true).open("/dev/null")?)?;
        let ended = tokio::select! {
            ended = dispatch(command, &catalogue, &guard) => ended,
            () = asked_to_end()? => { say("\ninterrupted"); Ok(ExitCode::FAILURE) }
        };
        guard.release();
        ended
    })
}

async fn dispatch(command: Command, catalogue: &Catalogue, guard: &Guard) -> Result<ExitCode> {
    let mut learner = learn::Learner::new(catalogue, guard)?;
    match command {
        Command::Exercises(args) => teach::list(catalogue, args),
        Command::Start { exercise } => learner.start(&exercise),
        Command::Check { exercise, json } => learner.check(exercise.as_deref(), json).await,
        Command::Watch { exercise } => learner.watch(exercise.as_deref()).await,
        Command::Hint { exercise, number } => learner.hint(exercise.as_deref(), number.map(usize::from)),
        Command::Reset { exercise } => learner.reset(&exercise),
        Command::Solution { exercise, yes } => learner.solution(exercise.as_deref(), yes),
        Command::Prepare { check } => teach::prepare(catalogue, guard, check).await,
        Command::Prove { named, json } => teach::prove(catalogue, guard, &named, json).await,
        Command::Trial => teach::trial(catalogue, guard).await,
        Command::Guard => unreachable!("a guard needs neither course nor runtime"),
    }
}

/// Waits for Ctrl-C, `kill`, or the terminal's going away.
fn asked_to_end() -> Result<impl Future<Output = ()>> {
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

/// A line on standard error: progress and complaints.
fn say(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

/// Text on standard output, as long as somebody reads it.
fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
