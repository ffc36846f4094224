//! `experiments`: what `just lab` and `just compare` become.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use experiments::{experiment::Experiment, lab::Lab, report::Report, view::View};
use load::cores::{self, Cores};
use stage::{Course, Profile};

/// The same load, the same faults and the same audit on every stage.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs an experiment on one chapter or on several
    #[command(name = "lab", after_help = LAB_HELP)]
    Lab(LabArgs),
    /// Ends the process groups it is told of when its input breaks off
    #[command(hide = true)]
    Guard,
}

const LAB_HELP: &str = "Each chapter gets a stage of its own, which is ended with the experiment. The exit code is 1 when the audit is\n\
    not green, when something is not as the experiment expects, or when the load was not what it should have been.\n\
    What is in experiments/NAME.toml: load, faults, expectations. A chapter may bring its own, in its folder.";

#[derive(clap::Args)]
struct LabArgs {
    /// Its name, a file of `experiments/`
    experiment: String,
    /// The numbers of the chapters
    #[arg(default_values_t = [1])]
    chapters: Vec<u32>,
    /// Visitors, their choices and the times of faults follow from it
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Prints the whole report as JSON: a list, one report a chapter
    #[arg(long)]
    json: bool,
    /// Builds quickly and measures nothing that is worth quoting
    #[arg(long)]
    debug: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Guard = command {
        stage::guard::stand(std::io::stdin().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    // One thread: what it starts runs on the cores that it is on at that moment.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = dispatch(command) => ended,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("\ninterrupted; nothing of the stage is left running");
                Ok(ExitCode::FAILURE)
            }
        }
    })
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    let course = Course::around(&std::env::current_dir()?)?;
    match command {
        Command::Lab(args) => lab(&course, &args).await,
        Command::Guard => unreachable!("a guard needs no course"),
    }
}

async fn lab(course: &Course, args: &LabArgs) -> Result<ExitCode> {
    let (view, guard, everywhere) = (View::new(), std::env::current_exe()?, cores::allowed());
    let profile = if args.debug { Profile::Debug } else { Profile::Release };
    let mut reports = Vec::new();
    for number in &args.chapters {
        let chapter = course.chapter(*number)?;
        let experiment = Experiment::find(&course.root, Some(&chapter.folder), &args.experiment)?;
        view.line(&format!("chapter {number}, {}: {}", chapter.manifest.title, experiment.question));
        cores::stay_on(&everywhere); // to compile
        let lab = Lab::prepare(course, chapter, profile, Cores::apart(), &guard).await?;
        let report = lab.run(&experiment, args.seed, &view).await?;
        write(&course.root, &report)?;
        if !args.json {
            println!("\n{report}");
        }
        reports.push(report);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    }
    Ok(if reports.iter().all(Report::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keeps a report in `target/lab/`.
fn write(root: &Path, report: &Report) -> Result<()> {
    let folder = root.join("target").join("lab");
    let file = folder.join(format!("{}-chapter-{}.json", report.experiment, report.chapter));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, serde_json::to_vec_pretty(report)?))
        .with_context(|| format!("cannot write {}", file.display()))
}
