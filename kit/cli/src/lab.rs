//! `kit lab` and `kit compare`, which run the program `experiments`.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Error, Result, ensure};
use stage::Course;

use crate::delegate::{Args, quiet};

/// Compiles `experiments` and `limits`, and replaces this process with the former, so that it gets the terminal, the signals and
/// the exit code. The load generator is compiled with optimisations, because it would otherwise take CPU time from the stage.
/// Trial runs (`--quick`, `--debug`, `--help`) use a debug build.
///
/// Returns only on failure.
pub(crate) fn exec_experiments(course: &Course, run_dir: &Path, command: &str, args: &Args) -> Error {
    let trial = ["--quick", "--debug", "--help", "-h"];
    let is_trial = args.arguments.iter().any(|argument| trial.iter().any(|word| argument == word));
    let (profile, folder) = if is_trial { ("dev", "debug") } else { ("release", "release") };
    if let Err(error) = build(&course.root, profile, folder) {
        return error;
    }
    // Not `cargo run`: it would build only one of the two packages, with other features, and compile dependencies again.
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
