//! `experiments`: what `just lab` and `just compare` become.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use experiments::{
    compare::{Comparison, Plan},
    experiment::Experiment,
    lab::Lab,
    overlay, page,
    report::Report,
    view::View,
};
use load::cores::{self, Cores};
use stage::{Course, CourseError, Profile, RunError};

/// The same load, the same faults and the same audit on every stage.
#[derive(Parser)]
#[command(name = "just", bin_name = "just")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs an experiment on one chapter or on several
    #[command(name = "lab", after_help = LAB_HELP)]
    Lab(LabArgs),
    /// Measures several chapters in turn and writes the comparison
    #[command(name = "compare", after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Ends the process groups it is told of when its input breaks off
    #[command(hide = true)]
    Guard,
}

const LAB_HELP: &str = "Each chapter gets a stage of its own, which is ended with the experiment. The exit code is 1 when the audit is\n\
    not green, when something is not as the experiment expects, or, without --debug, when the load fell behind.\n\
    What is in experiments/NAME.toml: load, faults, expectations. A chapter may bring its own, in its folder.";

const COMPARE_HELP: &str = "Each run takes three to four minutes a chapter; nothing else should use the machine meanwhile. JSON, Markdown and\n\
    charts go to target/lab/compare/, and with --book into the book. --from draws again what was measured before.";

#[derive(clap::Args)]
struct CompareArgs {
    /// The numbers of the chapters
    #[arg(default_values_t = [1, 2])]
    chapters: Vec<u32>,
    /// How often everything is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
    /// Visitors, their choices and the times of faults follow from it
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Once, shortly, in debug builds: to see whether it works
    #[arg(long)]
    quick: bool,
    /// Also writes the book's page and its charts
    #[arg(long)]
    book: bool,
    /// Measures nothing and takes this JSON of an earlier comparison
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

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
    /// Prints the whole report as JSON: a list, one report for each chapter and scale
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
            // As `kit` does: 2 for what cannot be done here and now.
            ExitCode::from(if error.is::<CourseError>() || error.is::<RunError>() { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Guard = command {
        stage::guard::run(std::io::stdin().lock())?;
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
    let course = Course::find(&std::env::current_dir()?)?;
    match command {
        Command::Lab(args) => lab(&course, &args).await,
        Command::Compare(args) => compare(&course, &args).await,
        Command::Guard => unreachable!("a guard needs no course"),
    }
}

async fn lab(course: &Course, args: &LabArgs) -> Result<ExitCode> {
    let (view, guard, everywhere) = (View::new(), std::env::current_exe()?, cores::allowed());
    // In a debug build no time is worth quoting, so the load needs no core of its own.
    let (profile, cores) =
        if args.debug { (Profile::Debug, Cores::shared()) } else { (Profile::Release, Cores::apart()) };
    let mut reports = Vec::new();
    for number in &args.chapters {
        let folder = course.chapter(*number)?.folder;
        let experiment = Experiment::find(&course.root, Some(&folder), &args.experiment)?;
        let chapter = overlay::chapter(course, *number, &experiment)?;
        view.line(&format!("chapter {number}, {}: {}", chapter.manifest.title, experiment.question));
        cores::stay_on(&everywhere); // to compile
        let lab = Lab::prepare(course, chapter, &format!("chapter-{number}"), profile, cores.clone(), &guard)
            .await?;
        for scale in experiment.scales() {
            let report = lab.run(&experiment, &scale, args.seed, &view).await?;
            write(&course.root, &report)?;
            if !args.json {
                println!("\n{report}");
            }
            reports.push(report);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    }
    Ok(if reports.iter().all(Report::is_good) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn compare(course: &Course, args: &CompareArgs) -> Result<ExitCode> {
    let folder = course.root.join("target").join("lab").join("compare");
    let file = folder.join("compare.json");
    let comparison = match &args.from {
        Some(file) => read(file)?,
        None => measure(course, args, &file).await?,
    };
    let markdown = page::markdown(&comparison);
    keep(&folder.join("compare.md"), markdown.as_bytes())?;
    for (name, svg) in page::charts(&comparison) {
        keep(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    }
    println!("{markdown}\nwritten to {}", folder.display());
    if args.book {
        page::write(&course.root, &comparison)?;
        println!("and to {} and book/drawings/", page::PAGE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps what there is after each run: what breaks the last one does not lose the others.
async fn measure(course: &Course, args: &CompareArgs, file: &Path) -> Result<Comparison> {
    let plan = if args.quick { Plan::quick(args.seed) } else { Plan::full(args.runs, args.seed) };
    let profile = if args.quick { Profile::Debug } else { Profile::Release };
    let limits = std::env::current_exe()?.with_file_name("limits");
    let write = |so_far: &Comparison| keep(file, &serde_json::to_vec_pretty(so_far)?);
    plan.run(course, &args.chapters, profile, &limits, &View::new(), write).await
}

fn read(file: &Path) -> Result<Comparison> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no comparison", file.display()))
}

fn keep(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let kept = fs::create_dir_all(folder).and_then(|()| fs::write(file, bytes));
    kept.with_context(|| format!("cannot write {}", file.display()))
}

/// Keeps a report in `target/lab/`.
fn write(root: &Path, report: &Report) -> Result<()> {
    let name = format!("{}-chapter-{}.json", report.name().replace([' ', '='], "-"), report.chapter);
    keep(&root.join("target").join("lab").join(name), &serde_json::to_vec_pretty(report)?)
}
