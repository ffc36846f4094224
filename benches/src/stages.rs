//! Starts what is measured: a release build of a chapter, and the program `limits`.

use std::{env, path::Path};

use anyhow::{Context, Result};
use stage::{
    Chapter, Course, Manifest, Options, Profile, Programs, RunFolder, Stage, Status,
    manifest::{NATS, PAYMENTS},
};

/// The chapter to measure: `STEPWISE_CHAPTER`, or chapter 1.
///
/// # Errors
/// It is not a number.
pub fn chapter_number() -> Result<u32> {
    let number = env::var("STEPWISE_CHAPTER").unwrap_or_else(|_| "1".to_owned());
    number
        .parse()
        .with_context(|| format!("STEPWISE_CHAPTER is {number:?}; set it to the number of a chapter"))
}

/// The course that contains the current folder.
///
/// # Errors
/// The current folder is not in a course.
pub fn course() -> Result<Course> {
    Ok(Course::find(&env::current_dir()?)?)
}

/// Compiles a release build of a chapter and starts it on free ports, with new data. The program `limits` is its guard, which
/// ends its processes if this one is killed.
///
/// # Errors
/// It does not compile or start.
pub async fn start_chapter(course: &Course, number: u32, limits: &Path) -> Result<Stage> {
    let chapter = course.chapter(number)?;
    eprintln!("compiling chapter {number} in release mode; the first time takes minutes");
    let run = claim(course, &format!("chapter-{number}"), number, limits).await?;
    let programs = Programs::build(course, &chapter, Profile::Release, &run).await?;
    Ok(Stage::start(&chapter, &programs, run, options()).await?)
}

/// Starts the program `limits`.
///
/// # Errors
/// It does not start.
pub async fn start_limits(course: &Course, limits: &Path) -> Result<Stage> {
    let folder = course.root.join("benches");
    let manifest = Manifest::read(&folder.join("limits.toml"))?;
    let run = claim(course, "limits", manifest.number, limits).await?;
    let programs = Programs::built([("limits", limits.to_owned())]);
    Ok(Stage::start(&Chapter { folder, manifest }, &programs, run, options()).await?)
}

async fn claim(course: &Course, name: &str, number: u32, guard: &Path) -> Result<RunFolder> {
    Ok(RunFolder::claim(&course.run_dir().join("benches").join(name), number, guard).await?)
}

/// Tokens and holds live longer than every run, so that nothing expires while it is measured.
fn options() -> Options {
    let settings = [("TOKEN_TTL", "4h"), ("ORDER_TTL", "4h")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Options { profile: Profile::Release, settings, ..Options::default() }
}

/// The services of the shop in the order of the manifest, and NATS last, without the payment sandbox.
pub fn services(status: &Status) -> Vec<String> {
    let mut services: Vec<_> = status.processes.iter().map(|process| process.service.clone()).collect();
    services.dedup();
    services.retain(|service| service != PAYMENTS);
    services
}

/// The resident memory of the shop's own processes together, without NATS, in bytes. None on a system without `/proc`.
pub fn resident_memory(status: &Status) -> Option<u64> {
    let shop =
        status.processes.iter().filter(|process| ![NATS, PAYMENTS].contains(&process.service.as_str()));
    shop.map(|process| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid?)).ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(resident.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    })
    .sum()
}
