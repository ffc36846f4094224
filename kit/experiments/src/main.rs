//! `experiments`: the program behind `just lab` and `just compare`.

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
    report::{Report, Verdict},
    view::View,
};
use load::cores::{self, Cores};
use stage::{Course, Profile};

/// The same load, the same faults and the same audit on every stage.
#[derive(Parser)]
#[command(name = "just", bin_name = "just")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run an experiment on one or several chapters
    #[command(name = "lab", after_help = LAB_HELP)]
    Lab(LabArgs),
    /// Measure several chapters in turn and write the comparison
    #[command(name = "compare", after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// End the process groups that standard input names when it closes
    #[command(hide = true)]
    Guard,
}

const LAB_HELP: &str = "\
Each chapter runs as a stage of its own, which is stopped after the experiment. experiments/NAME.toml contains the load, the
faults and the expected results. A chapter may bring its own experiments, in its folder.

Exit codes:
  0  passed: the audit found nothing wrong, and every expectation is met
  1  failed: the shop broke an invariant or missed an expectation
  2  the experiment could not be run
  3  inconclusive: nothing is wrong with the shop, but the experiment did not test what it should. A fault interrupted no
     request, the audit could not check an invariant, or (without --debug) the load fell behind its schedule. Run it again.";

const COMPARE_HELP: &str = "\
Each run takes three to four minutes per chapter. Nothing else should use the machine meanwhile. JSON, Markdown and charts are
written to target/lab/compare/, and with --book into the book. --from draws the results of an earlier comparison again.";

#[derive(clap::Args)]
struct CompareArgs {
    /// The numbers of the chapters
    #[arg(default_values_t = [1, 2])]
    chapters: Vec<u32>,
    /// How often everything is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
    /// Determines arrivals, choices and the times of faults
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// One short run with debug builds, to try whether everything works
    #[arg(long)]
    quick: bool,
    /// Write the page of the book and its charts as well
    #[arg(long)]
    book: bool,
    /// Measure nothing and read the JSON of an earlier comparison
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

#[derive(clap::Args)]
struct LabArgs {
    /// The name of a file in `experiments/`
    experiment: String,
    /// The numbers of the chapters
    #[arg(default_values_t = [1])]
    chapters: Vec<u32>,
    /// Determines arrivals, choices and the times of faults
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Print the whole reports as a JSON list, one report for each chapter and scale
    #[arg(long)]
    json: bool,
    /// Use a debug build, which compiles faster; its times mean nothing
    #[arg(long)]
    debug: bool,
}

/// Exit code: the experiment could not be run. `kit` uses the same.
const NOT_RUN: u8 = 2;
/// Exit code: see [`Verdict::Inconclusive`].
const INCONCLUSIVE: u8 = 3;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Guard = command {
        stage::guard::run(std::io::stdin().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    // A single thread, because only the thread that is pinned stays off the cores of the stage.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = dispatch(command) => ended,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                eprintln!("\ninterrupted; no process of the stage is left running");
                Ok(ExitCode::from(NOT_RUN)) // 1 would mean that the shop failed
            }
        }
    })
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    match command {
        Command::Lab(args) => lab(&course, &args).await,
        Command::Compare(args) => compare(&course, &args).await,
        Command::Guard => unreachable!("the guard needs no course"),
    }
}

async fn lab(course: &Course, args: &LabArgs) -> Result<ExitCode> {
    let (view, guard, all_cores) = (View::new(), std::env::current_exe()?, cores::available());
    // The times of a debug build mean nothing, so the load needs no core of its own.
    let (profile, cores) =
        if args.debug { (Profile::Debug, Cores::shared()) } else { (Profile::Release, Cores::separate()) };
    let mut reports = Vec::new();
    for number in &args.chapters {
        let folder = course.chapter(*number)?.folder;
        let experiment = Experiment::find(&course.root, Some(&folder), &args.experiment)?;
        let chapter = overlay::chapter(course, *number, &experiment)?;
        view.line(&format!("chapter {number}, {}: {}", chapter.manifest.title, experiment.question));
        view.line(&format!("compiling chapter {number}, {profile:?} profile; the first time takes minutes"));
        cores::pin_to(&all_cores); // to compile
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
    Ok(exit_code(&reports))
}

fn exit_code(reports: &[Report]) -> ExitCode {
    let any = |verdict| reports.iter().any(|report| report.verdict() == verdict);
    match () {
        () if any(Verdict::Failed) => ExitCode::FAILURE,
        () if any(Verdict::Inconclusive) => ExitCode::from(INCONCLUSIVE),
        () => ExitCode::SUCCESS,
    }
}

async fn compare(course: &Course, args: &CompareArgs) -> Result<ExitCode> {
    let folder = course.root.join("target").join("lab").join("compare");
    let file = folder.join("compare.json");
    let comparison = match &args.from {
        Some(file) => read(file)?,
        None => measure(course, args, &file).await?,
    };
    let markdown = page::markdown(&comparison);
    save(&folder.join("compare.md"), markdown.as_bytes())?;
    for (name, svg) in page::charts(&comparison) {
        save(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    }
    println!("{markdown}\nwritten to {}", folder.display());
    if args.book {
        page::write(&course.root, &comparison)?;
        println!("and to {} and book/drawings/", page::PAGE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Saves the results after each run, so that an error in the last run does not lose the others.
async fn measure(course: &Course, args: &CompareArgs, file: &Path) -> Result<Comparison> {
    let plan = if args.quick { Plan::quick(args.seed) } else { Plan::full(args.runs, args.seed) };
    let profile = if args.quick { Profile::Debug } else { Profile::Release };
    let limits = std::env::current_exe()?.with_file_name("limits");
    let write = |so_far: &Comparison| save(file, &serde_json::to_vec_pretty(so_far)?);
    plan.run(course, &args.chapters, profile, &limits, &View::new(), write).await
}

fn read(file: &Path) -> Result<Comparison> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not a comparison", file.display()))
}

fn save(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let saved = fs::create_dir_all(folder).and_then(|()| fs::write(file, bytes));
    saved.with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a report to `target/lab/`.
fn write(root: &Path, report: &Report) -> Result<()> {
    let name = format!("{}-chapter-{}.json", report.name().replace([' ', '='], "-"), report.chapter);
    save(&root.join("target").join("lab").join(name), &serde_json::to_vec_pretty(report)?)
}
