//! Commands that run another program: `chain`, `exercises` or `mutants`. Each is built only when it is needed.

use std::{ffi::OsString, os::unix::process::CommandExt, path::Path, process::Command};

use stage::Course;

/// The arguments of the other program, `--help` included.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

impl Args {
    /// Arguments that this program has parsed already.
    pub(crate) fn of(words: &[String]) -> Self {
        Self { arguments: words.iter().map(OsString::from).collect() }
    }
}

/// `--quiet` if the program has been built before. The first time, Cargo shows its progress, because the build takes minutes.
pub(crate) fn quiet(root: &Path, folder: &str, program: &str) -> Option<&'static str> {
    root.join("target").join(folder).join(program).is_file().then_some("--quiet")
}

/// Replaces this process with another program, so that it gets the terminal, the signals and the exit code. Returns only on
/// failure.
pub(crate) fn exec_program(course: &Course, program: &str, command: &str, args: &Args) -> anyhow::Error {
    let mut cargo = Command::new("cargo");
    cargo
        .arg("run")
        .args(quiet(&course.root, "debug", program))
        .arg("--manifest-path")
        .arg(course.root.join("Cargo.toml"));
    cargo.args(["--package", program, "--", command]).args(&args.arguments);
    cargo.env_clear().envs(stage::environment::inherited());
    anyhow::Error::new(cargo.exec()).context("cannot run cargo; install Rust from https://rustup.rs")
}
