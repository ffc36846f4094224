//! Prepares a machine for a room without network: fetches and compiles everything, then tries it without network.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use stage::{Chapter, Course, Guard, Options, Stage, guard::ProcessGroup, nats::ToolCache};
use tokio::process::Command;

use crate::{
    Exercise,
    build::{Built, build},
    catalogue::Catalogue,
    check::{CheckResult, Checker},
    exercise::Need,
    tree::SourceTree,
};

/// The programs that commands run. Each is compiled separately, as the commands do it: compiled together, a shared crate
/// could get other features.
const PROGRAMS: [&str; 6] = ["kit", "payment-sandbox", "chain", "exercises", "acceptance", "book"];

/// A proxy address at which nothing listens, so that Cargo cannot reach the network.
const DEAD_PROXY: &str = "http://127.0.0.1:9";

/// Fetches and compiles everything that the stages, the exercises, the book and the kit need.
///
/// # Errors
/// The first step that fails.
pub async fn fetch_and_build(catalogue: &Catalogue, guard: &Guard, mut say: impl FnMut(&str)) -> Result<()> {
    let since = Instant::now();
    for workspace in workspaces(&catalogue.course)? {
        cargo(&["fetch", "--locked"], &workspace, guard).await?;
    }
    say(&format!("crates: fetched, {:.0} s", since.elapsed().as_secs_f64()));
    let needed = |exercise: &Exercise| exercise.manifest.needs.contains(&Need::NatsServer);
    let chapters = chapters(&catalogue.course)?;
    if chapters.iter().any(|chapter| chapter.manifest.nats) || catalogue.exercises.iter().any(needed) {
        let server = ToolCache::of(&catalogue.course.root).find_or_fetch(Some(guard)).await?;
        say(&format!("nats-server: {server}"));
    }
    let since = Instant::now();
    for program in PROGRAMS {
        cargo(&["build", "--quiet", "--package", program], &catalogue.course.root, guard).await?;
    }
    say(&format!("the kit and the book: compiled, {:.0} s", since.elapsed().as_secs_f64()));
    for chapter in chapters {
        let (since, number) = (Instant::now(), chapter.manifest.number);
        compile(catalogue, &chapter, guard).await?;
        say(&format!("chapter {number} and its exercises: compiled, {:.0} s", since.elapsed().as_secs_f64()));
    }
    Ok(())
}

/// Compiles a stage, and the tests of its exercises in the way a check does.
async fn compile(catalogue: &Catalogue, chapter: &Chapter, guard: &Guard) -> Result<()> {
    let processes = chapter.manifest.processes.iter();
    let programs = processes.flat_map(|process| ["-p", process.package(), "--bin", process.binary()]);
    let arguments: Vec<_> = ["build", "--quiet"].into_iter().chain(programs).collect();
    cargo(&arguments, &chapter.workspace(), guard).await?;
    for exercise in catalogue.of_chapter(chapter.manifest.number) {
        let folder = trial_folder(catalogue, exercise);
        SourceTree::solution(&catalogue.course, exercise)?.versioned("trial").write(&folder)?;
        let built = build(&folder, &exercise.manifest.tests, guard).await?;
        ensure!(matches!(built, Built::Programs(_)), "the solution of {} does not compile", exercise.number);
    }
    Ok(())
}

/// The folder in which the exercises of a chapter are compiled in advance.
fn trial_folder(catalogue: &Catalogue, exercise: &Exercise) -> PathBuf {
    catalogue.work_folder().join(format!(".trial/chapter-{}", exercise.number.chapter))
}

fn chapters(course: &Course) -> Result<Vec<Chapter>> {
    course.chapters()?.iter().map(|(number, _)| Ok(course.chapter(*number)?)).collect()
}

/// The workspace of the kit and the workspaces of all stages.
fn workspaces(course: &Course) -> Result<Vec<PathBuf>> {
    let mut workspaces = BTreeSet::new();
    for chapter in chapters(course)? {
        let workspace = chapter.workspace();
        let there = workspace.canonicalize();
        workspaces.insert(there.with_context(|| format!("{} does not exist", workspace.display()))?);
    }
    Ok([course.root.canonicalize()?].into_iter().chain(workspaces).collect())
}

async fn cargo(arguments: &[&str], folder: &Path, guard: &Guard) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder).env_clear().envs(stage::environment::inherited());
    run(cargo, guard).await.with_context(|| format!("cargo {} in {}", arguments.join(" "), folder.display()))
}

async fn run(mut command: Command, guard: &Guard) -> Result<()> {
    let child = command.stdin(Stdio::null()).process_group(0).spawn();
    let mut child =
        child.with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
    let _group = ProcessGroup::watched(child.id(), guard);
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Runs [`trial`] without network: in a network namespace of its own where the system permits one, otherwise with Cargo told
/// to stay offline.
///
/// # Errors
/// Something needs a network.
pub async fn try_without_network(guard: &Guard, say: impl FnOnce(&str)) -> Result<()> {
    let this = std::env::current_exe()?;
    let isolated = can_isolate().await;
    let mut trial = if isolated {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$0\" trial"])
            .arg(this);
        unshare
    } else {
        let mut this = Command::new(this);
        this.arg("trial");
        this
    };
    trial.env_clear().envs(stage::environment::inherited());
    trial.env("CARGO_NET_OFFLINE", "true").env("CARGO_HTTP_PROXY", DEAD_PROXY);
    say(if isolated {
        "trying in a network namespace without any network"
    } else {
        "trying with Cargo offline; this system does not permit a network namespace"
    });
    run(trial, guard).await.context("something needs the network; run `just prepare` where there is one")
}

async fn can_isolate() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--net", "ip", "link", "set", "lo", "up"]);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}

/// Starts the first stage and checks the first exercise.
///
/// # Errors
/// One of the two fails.
pub async fn trial(catalogue: &Catalogue, guard: &Guard, mut say: impl FnMut(&str)) -> Result<()> {
    let course = &catalogue.course;
    let (first, _) = *course.chapters()?.first().context("the course has no chapters")?;
    let run_dir = course.run_dir().join("tests/offline");
    let stage = Stage::launch(course, first, &run_dir, Options::default()).await?;
    stage.stop().await;
    say(&format!("chapter {first} starts"));
    let exercise = catalogue.exercises.first().context("the course has no exercises")?;
    let folder = trial_folder(catalogue, exercise);
    let stub =
        SourceTree::solution(course, exercise)?.versioned("trial").overlaid(&exercise.folder.join("stub"))?;
    stub.write(&folder)?;
    let checker = Checker::new(catalogue, guard);
    let result = checker.check_folder(exercise, &exercise.manifest.tests, &folder).await?;
    ensure!(matches!(result, CheckResult::Tested(_)), "exercise {} does not compile", exercise.number);
    say(&format!("exercise {} compiles and is checked", exercise.number));
    Ok(())
}
