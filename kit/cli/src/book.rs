//! `kit book`: the book, from its pages and the stages. The work is in a program of its own, which is heavy to build.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use stage::Course;
use tokio::process::Command;

use crate::{program::quiet, signals::Signals, terminal, test::succeed};

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
    tokio::select! {
        ended = succeed(book(cargo(&course.root), &course.root, &args.options)?) => ended.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::say("the book is closed");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Whether everything the pages name is there, and everything they print is still printed.
pub(crate) async fn is_right(course: &Course) -> Result<()> {
    // The tests of the kit have just built it beside this program; Cargo alone would compile mdBook once more.
    let built = std::env::current_exe()?.with_file_name("book");
    let program = if built.is_file() { Command::new(built) } else { cargo(&course.root) };
    succeed(book(program, &course.root, &["--check".to_owned()])?).await
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("run").args(quiet(root, "debug", "book")).args(["--package", "book", "--"]);
    cargo
}

fn book(mut program: Command, root: &Path, options: &[String]) -> Result<Command> {
    program.args(options).current_dir(root).env_clear().envs(stage::environment::inherited());
    // What the book records is printed by this very program.
    program.env("STEPWISE_KIT", std::env::current_exe().context("cannot find this program")?);
    Ok(program)
}
