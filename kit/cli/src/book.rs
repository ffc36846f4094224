//! `kit book`: the book, from its pages and the stages. The work is in a program of its own, which is heavy to build.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use stage::Course;
use tokio::process::Command;

use crate::{signals::Signals, terminal, test::succeed};

/// What to do with the book.
#[derive(clap::Args)]
#[command(after_help = "Options:\n  \
    --open               opens it in the browser\n  \
    --port PORT          the first port to try [default: 3000]\n  \
    --build [FOLDER]     builds it, into FOLDER or book/book, and serves nothing\n  \
    --check              says what the pages name that is not there, and what they print that is no longer printed\n  \
    --capture [NAME]...  (authors) runs the commands of these captures, or of all, and records what they print now\n\n\
    The first time compiles mdBook, which takes a minute or two. A page shows itself again when it has changed.")]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    options: Vec<String>,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let options: Vec<_> = args.options.iter().map(String::as_str).collect();
    tokio::select! {
        ended = succeed(program(&course.root, &options)?) => ended.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::say("the book is closed");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Whether everything the pages name is there, and everything they print is still printed.
pub(crate) async fn is_right(course: &Course) -> Result<()> {
    succeed(program(&course.root, &["--check"])?).await
}

fn program(root: &Path, options: &[&str]) -> Result<Command> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--package", "book", "--"]).args(options).current_dir(root);
    cargo.env_clear().envs(stage::environment::inherited());
    // What the book records is printed by this very program.
    cargo.env("STEPWISE_KIT", std::env::current_exe().context("cannot find this program")?);
    Ok(cargo)
}
