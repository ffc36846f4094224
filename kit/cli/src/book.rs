//! `kit book`: builds and serves the book. A separate program does the work, because mdBook takes long to compile.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use stage::Course;
use tokio::process::Command;

use crate::{
    delegate::{self, Profile, run_to_success},
    signals::Signals,
    terminal,
};

/// Options of the book.
#[derive(clap::Args)]
#[command(after_help = "Options:\n  \
    --open               Opens it in the browser\n  \
    --port PORT          The first port to try [default: 3000]\n  \
    --build [FOLDER]     Builds it into FOLDER or book/book, without serving it\n  \
    --check              Checks the links and names in the pages, and that recorded output is up to date\n  \
    --notice             (authors) Writes the notice for readers on a code host into the pages that lack it\n  \
    --capture [NAME]...  (authors) Runs the commands of these captures, or of all, and records their output\n\n\
    The first run compiles mdBook, which takes one or two minutes. The browser reloads a page when it has changed.")]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    options: Vec<String>,
}

pub(crate) async fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let program = compile(course).await?;
    let mut signals = Signals::new()?;
    tokio::select! {
        ended = run_to_success(book(program, course, &args.options)?) => ended.map(|()| ExitCode::SUCCESS),
        code = signals.next() => {
            terminal::log("the book is no longer served");
            Ok(code)
        }
    }
}

async fn compile(course: &Course) -> Result<PathBuf> {
    delegate::compile(&course.root, "book", Profile::Debug, &["--package", "book"]).await
}

fn book(program: PathBuf, course: &Course, options: &[String]) -> Result<Command> {
    let mut book = Command::new(program);
    book.args(options).current_dir(&course.root).env_clear().envs(stage::environment::inherited());
    // The captures run this program.
    book.env("STEPWISE_KIT", std::env::current_exe().context("cannot find this program")?);
    Ok(book)
}
