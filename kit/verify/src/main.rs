//! `verify`, which `just test` runs.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use stage::Course;
use tokio::signal::unix::{SignalKind, signal};
use verify::{
    run::{self, Runner, Shard, Verdict},
    step::{self, Part, Step},
    work,
};

/// Tests the whole repository, or a part of it.
#[derive(Parser)]
#[command(bin_name = "just", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Subcommand)]
enum Cmd {
    /// Runs all tests, or those of one part. A step that passed before and whose inputs have not changed is skipped
    Test(Args),
    /// Runs one step, with its output on the terminal
    #[command(hide = true)]
    Step {
        /// Its name
        name: String,
    },
}

#[derive(clap::Args)]
#[command(
    after_help = "Runs formatting, lints, documentation and tests of the kit, the words and links of everything a person reads, and the\n\
    checks between the chapters. Then, for every chapter, the same checks on the crates that no chapter before contains, and on\n\
    separate stages the acceptance suite, the tour, the audit, the commands of the README and a power cut under load. Then the\n\
    exercises, the mutants and the book.\n\n\
    A step that fails does not stop the others. The exit code is 1 if a step failed. The logs are in target/verified."
)]
struct Args {
    /// A chapter; or `kit`, `chain` (the checks between the chapters), `exercises`, `mutants` or `book`
    #[arg(value_parser = selection)]
    part: Option<Selection>,
    /// With `exercises`, only these chapters or exercises; with `mutants`, only those whose name contains this
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Also runs the steps that have passed with the same inputs
    #[arg(long)]
    force: bool,
    /// Adds the cases of the exercises and mutants to the table of the steps and their seconds
    #[arg(long)]
    timings: bool,
    /// Runs one of several shares: 2/4 is the second of four
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<Shard>,
    /// With `exercises` or `mutants`: proves them all, and prints a JSON document
    #[arg(long)]
    json: bool,
}

/// The parts that can be named on the command line.
#[derive(Clone, Copy, PartialEq)]
enum Selection {
    Kit,
    Chain,
    Chapter(u32),
    Exercises,
    Mutants,
    Book,
}

fn selection(text: &str) -> Result<Selection, String> {
    Ok(match text {
        "kit" => Selection::Kit,
        "chain" => Selection::Chain,
        "exercises" => Selection::Exercises,
        "mutants" => Selection::Mutants,
        "book" => Selection::Book,
        _ => Selection::Chapter(text.parse().map_err(|_| {
            "a chapter's number, `kit`, `chain`, `exercises`, `mutants` or `book`".to_owned()
        })?),
    })
}

fn shard(text: &str) -> Result<Shard, String> {
    let parsed = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = parsed.map(|(number, of)| Shard { number, of });
    let is_valid = |shard: &Shard| (1..=shard.of).contains(&shard.number);
    shard.filter(is_valid).ok_or_else(|| "two numbers like 2/4, the first not above the second".to_owned())
}

impl Selection {
    fn contains(self, step: &Step) -> bool {
        match (self, step.part) {
            (Self::Kit, Part::Kit)
            | (Self::Chain, Part::Chain)
            | (Self::Exercises, Part::Exercises(_))
            | (Self::Mutants, Part::Mutants(_))
            | (Self::Book, Part::Book) => true,
            (Self::Chapter(wanted), Part::Chapter(number)) => wanted == number,
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let ended =
        tokio::runtime::Runtime::new().context("cannot start the async runtime").and_then(|runtime| {
            runtime.block_on(async {
                tokio::select! {
                    ended = dispatch(Cli::parse().command) => ended,
                    interrupted = interrupted() => interrupted.and_then(|()| bail!("interrupted")),
                }
            })
        });
    ended.unwrap_or_else(|error| {
        writeln!(anstream::stderr(), "error: {error:#}").ok();
        ExitCode::FAILURE
    })
}

async fn dispatch(command: Cmd) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    match command {
        Cmd::Test(args) => test(&course, &args).await,
        Cmd::Step { name } => {
            let steps = step::all(&course)?;
            let step = steps.iter().find(|step| step.name == name);
            work::run(&course, step.with_context(|| format!("there is no step {name}"))?).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn test(course: &Course, args: &Args) -> Result<ExitCode> {
    match args.part {
        Some(Selection::Exercises) if args.json || !args.names.is_empty() => {
            return prove(course, "exercises", args);
        }
        Some(Selection::Mutants) if args.json || !args.names.is_empty() => {
            return prove(course, "mutants", args);
        }
        _ => {}
    }
    ensure!(
        !args.json && args.names.is_empty(),
        "only `just test exercises` and `just test mutants` take --json or names"
    );
    if let Some(Selection::Chapter(number)) = args.part {
        course.chapter(number)?;
    }
    let mut steps = step::all(course)?;
    steps.retain(|step| args.part.is_none_or(|part| part.contains(step)));
    if let Some(shard) = args.shard {
        steps = shard.select(steps);
    }
    // Fetch it now if necessary, because several of the steps would otherwise fetch it at the same time.
    work::nats_server(course).await?;
    let (start, before) = (Instant::now(), run::core_seconds());
    let outcomes = Runner::new(course, args.force)?.run(&steps).await?;
    let busy = before.zip(run::core_seconds()).map(|(before, after)| {
        let [busy, idle] = [0, 1].map(|state| after[state] - before[state]);
        busy / (busy + idle)
    });
    let text = run::summary(&outcomes, args.timings, start.elapsed(), busy);
    std::io::stdout().write_all(text.as_bytes())?;
    let failed = outcomes.iter().any(|outcome| outcome.verdict == Verdict::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Replaces this process with the proof of the exercises or mutants. Returns only on failure.
fn prove(course: &Course, program: &str, args: &Args) -> Result<ExitCode> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", program, "--", "prove"]).args(&args.names);
    cargo.args(args.json.then_some("--json")).current_dir(&course.root);
    cargo.env_clear().envs(stage::environment::of_workspace(&course.root));
    Err(cargo.exec()).context("cannot run cargo")
}

/// Waits for Ctrl-C, `kill`, or the terminal to close.
async fn interrupted() -> Result<()> {
    let [mut interrupt, mut terminate, mut hangup] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
