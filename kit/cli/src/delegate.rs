//! Commands that run another program of the kit. Each program is compiled only when a command needs it.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Error, Result, bail, ensure};
use stage::{Course, guard::ProcessGroup};
use tokio::time::sleep;

use crate::{CannotRun, signals::Signals, terminal};

/// The arguments of the other program, `--help` included.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// A build that takes longer is announced.
const NOTICEABLE: Duration = Duration::from_secs(2);

/// Compiles a program of the kit with `cargo build OPTIONS`, and returns its path. The first build is announced and shows Cargo's
/// progress. A later one is quiet, because it usually has nothing to do, but it is announced if it takes longer than expected.
///
/// # Errors
/// It does not compile, or it was interrupted.
pub(crate) async fn compile(
    root: &Path,
    program: &str,
    profile: Profile,
    options: &[&str],
) -> Result<PathBuf> {
    let path = root.join("target").join(profile.folder()).join(program);
    let announcement = format!("compiling `{program}`: {} the first time on two cores", profile.time());
    let mut cargo = tokio::process::Command::new("cargo");
    cargo.arg("build").args(profile.option()).args(options);
    cargo.arg("--manifest-path").arg(root.join("Cargo.toml"));
    cargo.env_clear().envs(stage::environment::of_workspace(root));
    let mut announced = !path.is_file();
    if announced {
        terminal::log(&announcement);
    } else {
        cargo.arg("--quiet");
    }
    let mut signals = Signals::new()?;
    let mut compiling = std::pin::pin!(run_to_success(cargo));
    loop {
        tokio::select! {
            compiled = &mut compiling => {
                compiled.with_context(|| format!("`{program}` does not compile"))?;
                // Cargo puts the programs for another target into another folder.
                ensure!(path.is_file(), "Cargo has compiled {program} to another folder; see its configuration in: just doctor");
                return Ok(path);
            }
            () = sleep(NOTICEABLE), if !announced => {
                terminal::log(&announcement);
                announced = true;
            }
            _ = signals.next() => bail!("interrupted"),
        }
    }
}

/// Runs a command until it exits. Dropping the future ends the command and its child processes.
pub(crate) async fn run_to_success(mut command: tokio::process::Command) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn().context("cannot start it")?;
    let _group = ProcessGroup::led_by(child.id());
    let status = child.wait().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// A Cargo profile.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }

    fn option(self) -> Option<&'static str> {
        match self {
            Self::Debug => None,
            Self::Release => Some("--release"),
        }
    }

    fn time(self) -> &'static str {
        match self {
            Self::Debug => "one or two minutes",
            Self::Release => "about four minutes",
        }
    }
}

/// How to write a command that needs arguments. Without any, it is refused here, because compiling the program that would refuse it
/// takes minutes.
const USAGE: [(&str, &str); 6] = [
    (
        "start",
        "just start EXERCISE, for example: just start 1.1 (the exercises are listed by: just exercises)",
    ),
    ("reset", "just reset EXERCISE, for example: just reset 1.1"),
    ("diff", "just diff CHAPTER CHAPTER [PATH] [--stat], for example: just diff 1 2"),
    ("carry", "just carry CHAPTER, for example: just carry 1"),
    ("declare", "just declare CHAPTER, for example: just declare 2"),
    ("update", "just update CRATE [VERSION], for example: just update serde"),
];

/// Compiles a program and replaces this process with it. Returns only on failure.
pub(crate) async fn exec_program(course: &Course, program: &str, command: &str, args: &Args) -> Error {
    if args.arguments.is_empty()
        && let Some((_, usage)) = USAGE.iter().find(|(needy, _)| *needy == command)
    {
        return CannotRun(format!("write: {usage}")).into();
    }
    match compile(&course.root, program, Profile::Debug, &["--package", program]).await {
        Ok(program) => exec(&program, command, args, &[]),
        Err(error) => error,
    }
}

/// Replaces this process with a command of another program, so that it gets the terminal, the signals and the exit code. Returns
/// only on failure.
pub(crate) fn exec(program: &Path, command: &str, args: &Args, variables: &[(&str, &Path)]) -> Error {
    let mut run = Command::new(program);
    run.arg(command).args(&args.arguments);
    run.env_clear().envs(stage::environment::inherited()).envs(variables.iter().copied());
    Error::new(run.exec()).context(format!("cannot run {}", program.display()))
}
