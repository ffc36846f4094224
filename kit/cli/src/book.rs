//! `kit book`: builds and serves the book. A separate program does the work, because mdBook takes long to compile.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use stage::Course;
use tokio::process::Command;

use crate::{delegate::quiet, signals::Signals, terminal, test::run_to_success};

/// Options of the book.
#[derive(clap::Args)]
#[command(after_help = "Options:\n  \
    --open               Opens it in the browser\n  \
    --port PORT          The first port to try [default: 3000]\n  \
    --build [FOLDER]     Builds it into FOLDER or book/book, without serving it\n  \
    --check              Checks the links and names in the pages, and that recorded output is up to date\n  \
    --capture [NAME]...  (authors) Runs the commands of these captures, or of all, and records their output\n\n\
    The first run compiles mdBook, which takes one or two minutes. The browser reloads a page when it has changed.")]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    options: Vec<String>,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    tokio::select! {
        ended = run_to_success(book(cargo(&course.root), &course.root, &args.options)?) => ended.map(|()| ExitCode::SUCCESS),
        () = signals.next() => {
            terminal::log("the book is no longer served");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks the links and names in the pages, and that the recorded output is up to date.
pub(crate) async fn check(course: &Course) -> Result<()> {
    // The tests of the kit have just built the program next to this one. Without them, Cargo compiles it.
    let built = std::env::current_exe()?.with_file_name("book");
    let program = if built.is_file() { Command::new(built) } else { cargo(&course.root) };
    run_to_success(book(program, &course.root, &["--check".to_owned()])?).await
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg("run").args(quiet(root, "debug", "book")).args(["--package", "book", "--"]);
    cargo
}

fn book(mut program: Command, root: &Path, options: &[String]) -> Result<Command> {
    program.args(options).current_dir(root).env_clear().envs(stage::environment::inherited());
    // The captures run this program.
    program.env("STEPWISE_KIT", std::env::current_exe().context("cannot find this program")?);
    Ok(program)
}
