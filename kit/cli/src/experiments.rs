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
    let cargo = |order: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args([order, "--profile", profile, "--manifest-path"]).arg(course.root.join("Cargo.toml"));
        cargo.args(quiet(&course.root, folder, "experiments"));
        cargo.env_clear().envs(stage::environment::inherited()).env("STEPWISE_RUN_DIR", run_dir);
        cargo
    };
    if let Err(error) = build(cargo("build")) {
        return error;
    }
    let mut run = cargo("run");
    run.args(["-p", "experiments", "--bin", "experiments", "--", command]).args(&args.arguments);
    Error::new(run.exec()).context(NO_CARGO)
}

const NO_CARGO: &str = "cannot run cargo; install Rust from https://rustup.rs";

fn build(mut cargo: Command) -> Result<()> {
    cargo.args(["-p", "experiments", "-p", "benches", "--bin", "experiments", "--bin", "limits"]);
    ensure!(cargo.stdin(Stdio::null()).status().context(NO_CARGO)?.success(), "the lab does not compile");
    Ok(())
}
