//! `kit test`: runs all checks and tests in one order. A failed step does not stop the later ones.

use std::{
    ffi::OsStr,
    future::Future,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use stage::{
    Chapter, Course, Guard, Options, Stage,
    guard::ProcessGroup,
    nats::{Server, ToolCache},
};
use tokio::process::Command;

use crate::{book, delegate, readme, signals::Signals, table::table, terminal};

/// The part to test.
#[derive(clap::Args)]
#[command(
    after_help = "Runs formatting, lints, documentation, links and tests of the kit, and the checks between the chapters. Then, for\n\
    every chapter, the same checks, and on separate stages the acceptance suite, the tour, the audit and a power cut\n\
    under load; with NATS, the suite also runs on several instances of each service. Then the exercises, the mutants\n\
    and the book. A failed step does not stop the later ones. The exit code is 1 if a step failed."
)]
pub(crate) struct Args {
    /// A chapter; or `chain`, the checks between the chapters; or `exercises` or `mutants`, only their proof
    #[arg(value_parser = part)]
    part: Option<Part>,
    /// With `exercises`, only these chapters or exercises; with `mutants`, only those whose name contains this
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// With `exercises` or `mutants`, prints a JSON document
    #[arg(long)]
    json: bool,
}

/// A part that can be tested alone.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Chapter(u32),
    Chain,
    Exercises,
    Mutants,
}

fn part(text: &str) -> Result<Part, String> {
    match text.parse() {
        _ if text == "chain" => Ok(Part::Chain),
        _ if text == "exercises" => Ok(Part::Exercises),
        _ if text == "mutants" => Ok(Part::Mutants),
        Ok(number) => Ok(Part::Chapter(number)),
        Err(_) => Err("a chapter's number, `chain`, `exercises` or `mutants`".to_owned()),
    }
}

/// The steps so far: name, success and duration.
#[derive(Default)]
struct Steps {
    done: Vec<(String, bool, Duration)>,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    match args.part {
        Some(Part::Exercises) => return Err(prove(course, "exercises", args).await),
        Some(Part::Mutants) => return Err(prove(course, "mutants", args).await),
        _ => {}
    }
    ensure!(
        !args.json && args.names.is_empty(),
        "only `just test exercises` and `just test mutants` take --json or names"
    );
    let chapters = match args.part {
        Some(Part::Chapter(number)) => vec![course.chapter(number)?.manifest.number],
        Some(Part::Chain | Part::Exercises | Part::Mutants) => Vec::new(),
        None => course.chapters()?.into_iter().map(|(number, _)| number).collect(),
    };
    let mut signals = Signals::new()?;
    let mut steps = Steps::default();
    let everything = async {
        if args.part.is_none() {
            // Fetch it now if necessary, because several of the following tests would otherwise fetch it at the same time.
            steps.run("nats-server", nats_server(course)).await;
            steps.of_workspace("kit", &course.root, None).await;
            let prose = ["run", "--quiet", "-p", "prose"];
            steps.run("words and links", cargo(&course.root, &prose)).await;
        }
        if !matches!(args.part, Some(Part::Chapter(_))) {
            let check = ["run", "--quiet", "-p", "chain", "--", "test"];
            steps.run("changes between the chapters", cargo(&course.root, &check)).await;
        }
        for number in chapters {
            steps.of_chapter(course, number).await;
        }
        if args.part.is_none() {
            let proof = ["run", "--quiet", "-p", "exercises", "--", "prove"];
            steps.run("exercises", cargo(&course.root, &proof)).await;
            let offline = ["run", "--quiet", "-p", "exercises", "--", "prepare", "--check"];
            steps.run("without network", cargo(&course.root, &offline)).await;
            let proof = ["run", "--quiet", "-p", "mutants", "--", "prove"];
            steps.run("mutants", cargo(&course.root, &proof)).await;
            steps.run("book", book::check(course)).await; // last, because its captures run the stages built above
        }
    };
    tokio::select! {
        () = everything => {}
        () = signals.next() => bail!("interrupted"),
    }
    steps.summary()
}

/// Replaces this process with the proof of the exercises or mutants. Returns only on failure.
async fn prove(course: &Course, program: &str, args: &Args) -> anyhow::Error {
    let json = args.json.then_some("--json").map(str::to_owned);
    let words: Vec<_> = args.names.iter().cloned().chain(json).collect();
    delegate::exec_program(course, program, "prove", &delegate::Args::of(&words)).await
}

/// Numbers of instances with which the requests of one customer reach different instances of every service.
const SCALED: [(&str, u16); 4] = [("users", 2), ("products", 3), ("orders", 2), ("gateway", 2)];
/// Settings that let orders and tokens expire within a test.
const SHORT_LIVED: [(&str, &str); 2] = [("ORDER_TTL", "3s"), ("TOKEN_TTL", "3s")];

impl Steps {
    /// Runs one step and prints its result. None if it failed.
    async fn run<T>(&mut self, name: &str, work: impl Future<Output = Result<T>>) -> Option<T> {
        terminal::log(&format!("\n== {name}"));
        let start = Instant::now();
        let result = work.await;
        let took = start.elapsed();
        match &result {
            Ok(_) => terminal::log(&format!("== {name}: ok, {:.1} s", took.as_secs_f64())),
            Err(error) => {
                terminal::log(&format!("== {name}: FAILED, {:.1} s: {error:#}", took.as_secs_f64()));
            }
        }
        self.done.push((name.to_owned(), result.is_ok(), took));
        result.ok()
    }

    /// `nats` is the program that the tests start for themselves.
    async fn of_workspace(&mut self, name: &str, folder: &Path, nats: Option<Server>) {
        self.run(&format!("{name}: formatting"), cargo(folder, &["fmt", "--all", "--check"])).await;
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        self.run(&format!("{name}: lints"), cargo(folder, &clippy)).await;
        let doc = ["doc", "--quiet", "--workspace", "--no-deps"];
        self.run(&format!("{name}: documentation"), cargo(folder, &doc)).await;
        let mut tests = cargo_command(folder, &["test", "--workspace", "--no-fail-fast"]);
        tests.envs(nats.map(|server| ("NATS_SERVER", server.program)));
        self.run(&format!("{name}: tests"), run_to_success(tests)).await;
    }

    async fn of_chapter(&mut self, course: &Course, number: u32) {
        let name = format!("chapter {number}");
        let found = async { course.chapter(number).map_err(Into::into) };
        let Some(chapter) = self.run(&format!("{name}: manifest"), found).await else { return };
        let mut nats = None;
        if chapter.manifest.nats {
            nats = self.run(&format!("{name}: nats-server"), nats_server(course)).await;
        }
        self.of_workspace(&name, &chapter.workspace(), nats).await;
        self.of_stages(course, &chapter, &name).await;
    }

    /// The steps that need a running stage. Each of them starts a new one.
    async fn of_stages(&mut self, course: &Course, chapter: &Chapter, name: &str) {
        let number = chapter.manifest.number;
        self.suite(course, number, name, Options::default()).await;
        if chapter.manifest.nats {
            let scale = SCALED.map(|(service, count)| (service.to_owned(), count)).into();
            let options = Options { scale, ..Options::default() };
            self.suite(course, number, &format!("{name}, several instances"), options).await;
        }
        self.readme(course, number, name).await;
        self.run(&format!("{name}: power cut"), power_cut(course, number)).await;
        let settings = SHORT_LIVED.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let short = start_stage(course, number, Options { settings, ..Options::default() });
        if let Some(stage) = self.run(&format!("{name}: a short-lived stage"), short).await {
            let name = format!("{name}: acceptance suite, expiry");
            self.run(&name, acceptance(course, &stage, &["--short-lived"])).await;
            stage.stop().await;
        }
    }

    /// The acceptance suite and the tour, and the audit of the resulting data.
    async fn suite(&mut self, course: &Course, number: u32, name: &str, options: Options) {
        let stage = start_stage(course, number, options);
        let Some(stage) = self.run(&format!("{name}: a stage for the suite"), stage).await else { return };
        self.run(&format!("{name}: acceptance suite"), acceptance(course, &stage, &[])).await;
        let tour: &[_] = if stage.status().nats.is_some() { &["tour", "--messages"] } else { &["tour"] };
        let run_dir = run_dir(course, number);
        self.run(&format!("{name}: tour"), kit(&run_dir, tour, Stdio::null())).await;
        self.run(&format!("{name}: audit"), kit(&run_dir, &["audit"], Stdio::inherit())).await;
        stage.stop().await;
    }

    /// The commands of the README, if it starts this chapter.
    async fn readme(&mut self, course: &Course, number: u32, name: &str) {
        let commands = match readme::commands(course, number) {
            Ok(None) => return,
            commands => commands.map(Option::unwrap_or_default),
        };
        let run_dir = run_dir(course, number);
        let typed = async { readme::run(course, &run_dir, &commands?).await };
        self.run(&format!("{name}: commands of the README"), typed).await;
    }

    fn summary(&self) -> Result<ExitCode> {
        let row = |(name, ok, took): &(String, bool, Duration)| {
            let verdict = if *ok { "ok" } else { "FAILED" };
            [verdict.to_owned(), format!("{:.1} s", took.as_secs_f64()), name.clone()]
        };
        let rows: Vec<_> = self.done.iter().map(row).collect();
        let failed = self.done.iter().filter(|(_, ok, _)| !ok).count();
        let total: Duration = self.done.iter().map(|(_, _, took)| took).sum();
        let all = self.done.len();
        let verdict = format!("{} of {all} steps passed in {:.0} s", all - failed, total.as_secs_f64());
        terminal::print(&format!("\n{}\n{verdict}\n", table(&rows)))?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The run folder of a chapter's stages. The logs stay there, to analyse a failure.
fn run_dir(course: &Course, chapter: u32) -> PathBuf {
    course.run_dir().join("tests").join(format!("chapter-{chapter}"))
}

async fn start_stage(course: &Course, chapter: u32, options: Options) -> Result<Stage> {
    Ok(Stage::launch(course, chapter, &run_dir(course, chapter), options).await?)
}

/// The server that a stage would run with.
async fn nats_server(course: &Course) -> Result<Server> {
    Ok(ToolCache::of(&course.root).find_or_fetch(None).await?)
}

async fn acceptance(course: &Course, stage: &Stage, more: &[&str]) -> Result<()> {
    let status = stage.status_file();
    let mut arguments = ["run", "--quiet", "-p", "acceptance", "--", "--status"].map(OsStr::new).to_vec();
    arguments.push(status.as_os_str());
    arguments.extend(more.iter().map(OsStr::new));
    cargo(&course.root, &arguments).await
}

/// Runs the experiment that kills all processes ten times, with a debug build, because its timings do not matter here.
async fn power_cut(course: &Course, chapter: u32) -> Result<()> {
    let command = ["lab", "power-cut", &chapter.to_string(), "--debug"];
    kit(&run_dir(course, chapter), &command, Stdio::inherit()).await
}

/// Runs a command of this program in a run folder. The program is looked up again, because a test may have replaced it.
async fn kit(run_dir: &Path, command: &[&str], output: Stdio) -> Result<()> {
    let mut kit = Command::new(Guard::find_program()?);
    kit.arg("--run-dir").arg(run_dir).args(command).stdout(output);
    run_to_success(kit).await
}

async fn cargo<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Result<()> {
    run_to_success(cargo_command(folder, arguments)).await
}

fn cargo_command<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder);
    cargo.env_clear().envs(stage::environment::of_workspace(folder)).env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

/// Runs a command until it exits. Dropping the future ends the command and its child processes.
pub(crate) async fn run_to_success(mut command: Command) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn().context("cannot start it")?;
    let _group = ProcessGroup::led_by(child.id());
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}
