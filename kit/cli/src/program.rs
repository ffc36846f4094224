//! Commands done by a program of their own, whose libraries nobody else needs: `chain`, `exercises` and `mutants`.

use std::{ffi::OsString, os::unix::process::CommandExt, path::Path, process::Command};

use stage::Course;

/// What the program makes of it; also `--help`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

impl Args {
    /// Words that were understood here already.
    pub(crate) fn of(words: &[String]) -> Self {
        Self { arguments: words.iter().map(OsString::from).collect() }
    }
}

/// `--quiet` once the program has been built: the first time Cargo shows that it compiles, for some minutes.
pub(crate) fn quiet(root: &Path, folder: &str, program: &str) -> Option<&'static str> {
    root.join("target").join(folder).join(program).is_file().then_some("--quiet")
}

/// Becomes a command of a program, so that it has the terminal, the signals and the exit code for itself. Returns why it
/// did not.
pub(crate) fn become_program(course: &Course, program: &str, command: &str, args: &Args) -> anyhow::Error {
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
