//! `kit test`: everything that has to hold before a change is done, in one order, to the end.

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
    guard::Group,
    nats::{Server, Shelf},
};
use tokio::process::Command;

use crate::{book, links, program, signals::Signals, table::table, terminal};

/// What to test.
#[derive(clap::Args)]
#[command(
    after_help = "Formatting, lints, documentation, links and tests of the kit; what holds between the chapters; then,\n\
    of every chapter, the same, and on stages of its own the acceptance suite, the audit and a power cut under load,\n\
    with NATS the suite on several instances of each service too; then the exercises and the book. Everything runs to the end; the exit code is 1 when something failed."
)]
pub(crate) struct Args {
    /// Only this chapter; or `chain`, only what holds between the chapters; or `exercises` or `mutants`, only their proof
    #[arg(value_parser = part)]
    part: Option<Part>,
    /// With `exercises`: only these, chapters or exercises; with `mutants`: only those with this in their name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// With `exercises` or `mutants`: prints one JSON document
    #[arg(long)]
    json: bool,
}

/// What can be tested alone.
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

/// What was done so far.
#[derive(Default)]
struct Steps {
    done: Vec<(String, bool, Duration)>,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    match args.part {
        Some(Part::Exercises) => return Err(prove(course, "exercises", args)),
        Some(Part::Mutants) => return Err(prove(course, "mutants", args)),
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
            // Fetched here if it has to be, and once: the tests that follow need it at the same time.
            steps.take("nats-server", nats_server(course)).await;
            steps.of_workspace("kit", &course.root, None).await;
            steps.take("links of the texts", async { no_dead_links(&course.root) }).await;
        }
        if !matches!(args.part, Some(Part::Chapter(_))) {
            let check = ["run", "--quiet", "-p", "chain", "--", "test"];
            steps.take("chain of the chapters", cargo(&course.root, &check)).await;
        }
        for number in chapters {
            steps.of_chapter(course, number).await;
        }
        if args.part.is_none() {
            let proof = ["run", "--quiet", "-p", "exercises", "--", "prove"];
            steps.take("exercises", cargo(&course.root, &proof)).await;
            let offline = ["run", "--quiet", "-p", "exercises", "--", "prepare", "--check"];
            steps.take("without network", cargo(&course.root, &offline)).await;
            let proof = ["run", "--quiet", "-p", "mutants", "--", "prove"];
            steps.take("mutants", cargo(&course.root, &proof)).await;
            steps.take("book", book::is_right(course)).await; // its captures run the stages built above
        }
    };
    tokio::select! {
        () = everything => {}
        () = signals.next() => bail!("interrupted"),
    }
    steps.summary()
}

/// Becomes the proof of the exercises or of the mutants. Returns why it did not.
fn prove(course: &Course, program: &str, args: &Args) -> anyhow::Error {
    let json = args.json.then_some("--json").map(str::to_owned);
    let words: Vec<_> = args.names.iter().cloned().chain(json).collect();
    program::become_program(course, program, "prove", &program::Args::of(&words))
}

/// With these, what one customer asks for and what follows from it meet different instances of every service.
const SEVERAL: [(&str, u16); 4] = [("users", 2), ("products", 3), ("orders", 2), ("gateway", 2)];
/// The settings under which a journey sees orders and tokens expire.
const SHORT: [(&str, &str); 2] = [("ORDER_TTL", "3s"), ("TOKEN_TTL", "3s")];

impl Steps {
    /// Does one step under its heading. None when it failed.
    async fn take<T>(&mut self, name: &str, work: impl Future<Output = Result<T>>) -> Option<T> {
        terminal::say(&format!("\n== {name}"));
        let start = Instant::now();
        let result = work.await;
        let took = start.elapsed();
        match &result {
            Ok(_) => terminal::say(&format!("== {name}: ok, {:.1} s", took.as_secs_f64())),
            Err(error) => {
                terminal::say(&format!("== {name}: FAILED, {:.1} s: {error:#}", took.as_secs_f64()));
            }
        }
        self.done.push((name.to_owned(), result.is_ok(), took));
        result.ok()
    }

    /// `nats` is the server of which the tests start their own.
    async fn of_workspace(&mut self, name: &str, folder: &Path, nats: Option<Server>) {
        self.take(&format!("{name}: formatting"), cargo(folder, &["fmt", "--all", "--check"])).await;
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        self.take(&format!("{name}: lints"), cargo(folder, &clippy)).await;
        let doc = ["doc", "--quiet", "--workspace", "--no-deps"];
        self.take(&format!("{name}: documentation"), cargo(folder, &doc)).await;
        let mut tests = cargo_command(folder, &["test", "--workspace", "--no-fail-fast"]);
        tests.envs(nats.map(|server| ("NATS_SERVER", server.program)));
        self.take(&format!("{name}: tests"), succeed(tests)).await;
    }

    async fn of_chapter(&mut self, course: &Course, number: u32) {
        let name = format!("chapter {number}");
        let found = async { course.chapter(number).map_err(Into::into) };
        let Some(chapter) = self.take(&format!("{name}: manifest"), found).await else { return };
        let mut nats = None;
        if chapter.manifest.nats {
            nats = self.take(&format!("{name}: nats-server"), nats_server(course)).await;
        }
        self.of_workspace(&name, &chapter.workspace(), nats).await;
        self.of_stages(course, &chapter, &name).await;
    }

    /// What is tested on running stages, each a new one.
    async fn of_stages(&mut self, course: &Course, chapter: &Chapter, name: &str) {
        let number = chapter.manifest.number;
        self.suite(course, number, name, Options::default()).await;
        if chapter.manifest.nats {
            let scale = SEVERAL.map(|(service, count)| (service.to_owned(), count)).into();
            let several = Options { scale, ..Options::default() };
            self.suite(course, number, &format!("{name}, several instances"), several).await;
        }
        self.take(&format!("{name}: power cut"), power_cut(course, number)).await;
        let settings = SHORT.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let short = private_stage(course, number, Options { settings, ..Options::default() });
        if let Some(stage) = self.take(&format!("{name}: a short-lived stage"), short).await {
            let name = format!("{name}: acceptance suite, expiry");
            self.take(&name, acceptance(course, &stage, &["--short-lived"])).await;
            stage.stop().await;
        }
    }

    /// The acceptance suite, the tour and the audit of what they leave.
    async fn suite(&mut self, course: &Course, number: u32, name: &str, options: Options) {
        let stage = private_stage(course, number, options);
        let Some(stage) = self.take(&format!("{name}: a stage for the suite"), stage).await else { return };
        self.take(&format!("{name}: acceptance suite"), acceptance(course, &stage, &[])).await;
        let tour: &[_] = if stage.status().nats.is_some() { &["tour", "--messages"] } else { &["tour"] };
        let run_dir = run_dir(course, number);
        self.take(&format!("{name}: tour"), kit(&run_dir, tour, Stdio::null())).await;
        self.take(&format!("{name}: audit"), kit(&run_dir, &["audit"], Stdio::inherit())).await;
        stage.stop().await;
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

/// The run folder of a chapter's stages, whose logs stay there for whoever looks into a failure.
fn run_dir(course: &Course, chapter: u32) -> PathBuf {
    course.run_dir().join("tests").join(format!("chapter-{chapter}"))
}

async fn private_stage(course: &Course, chapter: u32, options: Options) -> Result<Stage> {
    Ok(Stage::launch(course, chapter, &run_dir(course, chapter), options).await?)
}

/// The server that a stage would run with.
async fn nats_server(course: &Course) -> Result<Server> {
    Ok(Shelf::of(&course.root).obtain(None).await?)
}

async fn acceptance(course: &Course, stage: &Stage, more: &[&str]) -> Result<()> {
    let status = stage.status_file();
    let mut arguments = ["run", "--quiet", "-p", "acceptance", "--", "--status"].map(OsStr::new).to_vec();
    arguments.push(status.as_os_str());
    arguments.extend(more.iter().map(OsStr::new));
    cargo(&course.root, &arguments).await
}

/// The experiment that kills everything ten times, on a stage of its own. In a debug build: times do not matter here.
async fn power_cut(course: &Course, chapter: u32) -> Result<()> {
    let command = ["lab", "power-cut", &chapter.to_string(), "--debug"];
    kit(&run_dir(course, chapter), &command, Stdio::inherit()).await
}

/// Runs a command of this program in a run folder: as found beside it, for a test may have compiled it anew meanwhile.
async fn kit(run_dir: &Path, command: &[&str], output: Stdio) -> Result<()> {
    let mut kit = Command::new(Guard::find_program()?);
    kit.arg("--run-dir").arg(run_dir).args(command).stdout(output);
    succeed(kit).await
}

async fn cargo<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Result<()> {
    succeed(cargo_command(folder, arguments)).await
}

fn cargo_command<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder);
    cargo.env_clear().envs(stage::environment::inherited()).env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

/// Runs a command to its end. Dropped on the way, it ends the command and all that this started.
pub(crate) async fn succeed(mut command: Command) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn().context("cannot start it")?;
    let _group = Group::led_by(child.id());
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn no_dead_links(root: &Path) -> Result<()> {
    let dead = links::dead(root)?;
    ensure!(dead.is_empty(), "these lead nowhere:\n{}", dead.join("\n"));
    Ok(())
}
