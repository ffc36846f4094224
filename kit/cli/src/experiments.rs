//! `kit lab` and `compare`: done by the program `experiments`, whose libraries nobody else needs.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Error, Result, ensure};
use stage::Course;

use crate::program::{Args, quiet};

/// Compiles `experiments` and the limits of the machine and becomes the first, so that it has the terminal, the signals and
/// the exit code for itself. A load that is not optimised takes what the stage could use, so only a look at whether it
/// works (`--quick`, `--debug`, `--help`) does without.
///
/// Returns why it did not.
pub(crate) fn become_experiments(course: &Course, run_dir: &Path, command: &str, args: &Args) -> Error {
    let without = ["--quick", "--debug", "--help", "-h"];
    let is_look = args.arguments.iter().any(|argument| without.iter().any(|word| argument == word));
    let (profile, folder) = if is_look { ("dev", "debug") } else { ("release", "release") };
    if let Err(error) = build(&course.root, profile, folder) {
        return error;
    }
    // Not `cargo run`: without the limits beside it, crates have other features, and Cargo would compile them once more.
    let program = course.root.join("target").join(folder).join("experiments");
    let mut run = Command::new(&program);
    run.arg(command).args(&args.arguments);
    run.env_clear().envs(stage::environment::inherited()).env("STEPWISE_RUN_DIR", run_dir);
    Error::new(run.exec()).context(format!("cannot run {}", program.display()))
}

fn build(root: &Path, profile: &str, folder: &str) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", profile, "--manifest-path"]).arg(root.join("Cargo.toml"));
    cargo.args(quiet(root, folder, "experiments")).arg("--target-dir").arg(root.join("target"));
    cargo.args(["-p", "experiments", "-p", "benches", "--bin", "experiments", "--bin", "limits"]);
    cargo.env_clear().envs(stage::environment::inherited()).stdin(Stdio::null());
    let built = cargo.status().context("cannot run cargo; install Rust from https://rustup.rs")?;
    ensure!(built.success(), "the lab does not compile");
    Ok(())
}
