//! `book`: the program behind `just book`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use book::{capture, check, notice, render::render, serve};
use clap::Parser;
use stage::Course;

/// Builds the book and serves it on this machine; a page reloads when it changes
#[derive(Parser)]
#[command(name = "just book")]
struct Args {
    /// Open it in the browser
    #[arg(long)]
    open: bool,
    /// The first port to try; the next free one is used
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Build it into this folder, or into `book/book`, and do not serve it
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "book/book")]
    build: Option<PathBuf>,
    /// Check links, names and captures of all pages, and do not serve the book
    #[arg(long)]
    check: bool,
    /// Record these captures, or all of them, if their output has changed
    #[arg(long, value_name = "NAME", num_args = 0..)]
    capture: Option<Vec<String>>,
    /// Writes the notice for readers on a code host into the pages that lack it
    #[arg(long)]
    notice: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<ExitCode> {
    let course = Course::find(&std::env::current_dir()?)?;
    if let Some(names) = &args.capture {
        capture::record(&course, names)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.notice {
        println!("pages changed: {}", notice::write(&course.root.join("book/src"))?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.check {
        let wrong = check::everything(&course)?;
        for wrong in &wrong {
            eprintln!("{wrong}");
        }
        return Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let Some(folder) = &args.build {
        let folder = course.root.join(folder);
        println!("{}", render(&course, Some(&folder))?.display());
        return Ok(ExitCode::SUCCESS);
    }
    let folder = render(&course, None)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = serve::listen(args.port).await?;
        let url = format!("http://{}", listener.local_addr()?);
        println!("the book is at {url}; Ctrl-C ends it");
        if args.open {
            open(&url)?;
        }
        tokio::select! {
            served = serve::serve(course, listener, folder) => served?,
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Opens an address in the reader's browser.
fn open(url: &str) -> Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = std::process::Command::new(program).arg(url).spawn();
    started.map(drop).with_context(|| format!("cannot run {program}; open {url} in a browser"))
}
