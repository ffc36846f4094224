//! Makes a machine ready for a room without network: everything fetched and compiled, and then tried without network.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Stdio, time::Instant};

use anyhow::{Context, Result, ensure};
use stage::{Course, Guard, Options, Stage, guard::Group, nats::Shelf};
use tokio::process::Command;

use crate::{
    Exercise,
    catalogue::Catalogue,
    check::{Judge, Judgement},
    copy::Copy,
    exercise::Need,
};

/// A proxy at which nobody listens, for Cargo.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Fetches and compiles all that the stages, the exercises, the book and the kit need.
///
/// # Errors
/// The first thing that cannot be had.
pub async fn fetch_and_build(catalogue: &Catalogue, guard: &Guard, mut say: impl FnMut(&str)) -> Result<()> {
    let since = Instant::now();
    let workspaces = workspaces(&catalogue.course)?;
    for workspace in &workspaces {
        cargo(&["fetch", "--locked"], workspace, guard).await?;
    }
    say(&format!("crates: fetched, {:.0} s", since.elapsed().as_secs_f64()));
    let stages: Result<Vec<_>, _> =
        catalogue.course.chapters()?.iter().map(|(number, _)| catalogue.course.chapter(*number)).collect();
    let needed = |exercise: &Exercise| exercise.manifest.needs.contains(&Need::NatsServer);
    if stages?.iter().any(|chapter| chapter.manifest.nats) || catalogue.exercises.iter().any(needed) {
        let server = Shelf::of(&catalogue.course.root).obtain(Some(guard)).await?;
        say(&format!("nats-server: {server}"));
    }
    for workspace in &workspaces {
        let since = Instant::now();
        // What is compiled for the programs and for the tests is, but for our own crates, the same.
        cargo(&["build", "--workspace", "--locked"], workspace, guard).await?;
        cargo(&["test", "--workspace", "--no-run", "--locked"], workspace, guard).await?;
        let shown = workspace.strip_prefix(&catalogue.course.root).unwrap_or(workspace).display().to_string();
        let name = if shown.is_empty() { "the kit and the book" } else { &shown };
        say(&format!("{name}: compiled, {:.0} s", since.elapsed().as_secs_f64()));
    }
    Ok(())
}

/// The kit's workspace, and that of every stage.
fn workspaces(course: &Course) -> Result<Vec<PathBuf>> {
    let mut workspaces = BTreeSet::new();
    for (number, _) in course.chapters()? {
        let workspace = course.chapter(number)?.workspace();
        workspaces.insert(
            fs::canonicalize(&workspace).with_context(|| format!("{} is not there", workspace.display()))?,
        );
    }
    Ok([course.root.canonicalize()?].into_iter().chain(workspaces).collect())
}

async fn cargo(arguments: &[&str], folder: &std::path::Path, guard: &Guard) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(folder).env_clear().envs(stage::environment::inherited());
    run(cargo, guard).await.with_context(|| format!("cargo {} in {}", arguments.join(" "), folder.display()))
}

async fn run(mut command: Command, guard: &Guard) -> Result<()> {
    let child = command.stdin(Stdio::null()).process_group(0).spawn();
    let mut child =
        child.with_context(|| format!("cannot start {}", command.as_std().get_program().display()))?;
    let _group = Group::watched(child.id(), guard);
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Runs this program's trial where there is no network: in a network namespace with nothing but itself, where the system
/// lets us make one, or else with Cargo told to stay offline.
///
/// # Errors
/// Something needs a network.
pub async fn try_without_network(guard: &Guard, say: impl FnOnce(&str)) -> Result<()> {
    let this = std::env::current_exe()?;
    let alone = can_be_alone().await;
    let mut trial = if alone {
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
    trial.env("CARGO_NET_OFFLINE", "true").env("CARGO_HTTP_PROXY", NOWHERE);
    say(if alone {
        "trying without any network"
    } else {
        "trying with Cargo offline; this system gives us no namespace without network"
    });
    run(trial, guard).await.context("something needs the network; run `just prepare` where there is one")
}

async fn can_be_alone() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--net", "ip", "link", "set", "lo", "up"]);
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().await.is_ok_and(|status| status.success())
}

/// Starts the first stage and checks the first exercise, as they are.
///
/// # Errors
/// One of them does not work.
pub async fn trial(catalogue: &Catalogue, guard: &Guard, mut say: impl FnMut(&str)) -> Result<()> {
    let course = &catalogue.course;
    let (first, _) = *course.chapters()?.first().context("the course has no chapters")?;
    let run_dir = course.run_dir().join("tests/offline");
    let stage = Stage::launch(course, first, &run_dir, Options::default()).await?;
    stage.stop().await;
    say(&format!("chapter {first} starts"));
    let exercise = catalogue.exercises.first().context("the course has no exercises")?;
    let folder = catalogue.desk().join(".trial");
    let stub =
        Copy::solution(course, exercise)?.versioned("trial").overlaid(&exercise.folder.join("stub"))?;
    stub.write(&folder)?;
    let judgement = Judge::new(catalogue, guard).judge(exercise, &folder).await?;
    ensure!(matches!(judgement, Judgement::Tested(_)), "exercise {} does not compile", exercise.number);
    say(&format!("exercise {} compiles and is checked", exercise.number));
    Ok(())
}
