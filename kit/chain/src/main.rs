//! `chain`: what `just diff`, `just carry`, `just declare`, `just update` and `just test chain` run.

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use chain::{
    Chain, Violation, carry, declare, delta, diff, domain, locks, ownership, tables, update, versions,
    workspaces,
};
use clap::{Parser, Subcommand};
use semver::Version;

/// Shows, checks and keeps what holds the chapters together.
#[derive(Parser)]
#[command(bin_name = "just", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows what differs between two chapters, files followed through their moves
    ///
    /// Left out is what every chapter has of its own: the version of its workspace, Cargo.lock,
    /// chapter.toml and the README.md of its folder. Colours only at a terminal.
    #[command(verbatim_doc_comment)]
    Diff {
        /// A chapter's number
        a: u32,
        /// Another chapter's number
        b: u32,
        /// Only this file, or files in this folder, as named in either chapter: shop/src
        path: Option<String>,
        /// Only one line a file, and the sum
        #[arg(long)]
        stat: bool,
    },
    /// Takes the uncommitted change of a chapter forward through every later one
    ///
    /// For authors. From each chapter to the next, every file that differs from the last commit, new and
    /// deleted ones too, is merged into the file that stands in its place there, moves followed. Base is
    /// the last commit; one side is the working tree of the chapter before, the other the file as it is
    /// there, uncommitted work included.
    ///
    /// It stops at the first chapter with a conflict. That chapter still gets all of the change: what both
    /// sides changed stands between conflict markers with both texts and the base, and what cannot be
    /// merged is left as it is. Decide, then `just carry` from that chapter on. Nothing is committed, and
    /// carrying twice does no more than carrying once.
    #[command(verbatim_doc_comment)]
    Carry {
        /// The number of the chapter with the change
        chapter: u32,
    },
    /// Prints the [changes] table of a chapter, from its files
    ///
    /// For authors. Moves that chapter.toml declares are kept; others are found by content. Read it before
    /// you use it.
    #[command(verbatim_doc_comment)]
    Declare {
        /// The chapter's number
        chapter: u32,
    },
    /// Brings a dependency to one version in every workspace
    ///
    /// For authors. Its version is written into every table that has it, comments kept, and `cargo update`
    /// writes every lock file. If Cargo refuses in one workspace, every file is as before.
    #[command(verbatim_doc_comment)]
    Update {
        /// The crate's name; also of a crate that only others need
        name: String,
        /// The version [default: the newest compatible with the one there]
        version: Option<Version>,
    },
    /// Checks declared differences, versions, dependencies and import rules
    #[command(name = "test")]
    Check,
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        writeln!(anstream::stderr(), "error: {error:#}").ok();
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let chain = Chain::around(&std::env::current_dir()?)?;
    match command {
        Command::Diff { a, b, path, stat } => show(&chain, (a, b), path.as_deref(), stat),
        Command::Carry { chapter } => take_forward(&chain, chapter),
        Command::Declare { chapter } => print(&declare::table(&declare::changes(&chain, chapter)?)),
        Command::Update { name, version } => update_everywhere(&chain, &name, version),
        Command::Check => check(&chain),
    }
}

/// Writes to standard output, as long as somebody reads it.
fn print(text: &str) -> Result<ExitCode> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn show(chain: &Chain, (a, b): (u32, u32), path: Option<&str>, stat: bool) -> Result<ExitCode> {
    let differences = diff::between(chain, a, b, path)?;
    if stat {
        return print(&diff::summary(&differences));
    }
    let shown: Vec<_> = differences.iter().map(ToString::to_string).collect();
    print(&shown.join("\n"))
}

fn take_forward(chain: &Chain, number: u32) -> Result<ExitCode> {
    let last = carry::carry(chain, number, |chapter| {
        let files: Vec<_> = chapter.files.iter().map(|file| format!("  {file}\n")).collect();
        print(&format!("chapter {}\n{}", chapter.number, files.concat())).map(drop)
    })?;
    if last.conflicts().next().is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    let here = last.number;
    let is_last = chain.links.last().is_some_and(|link| link.number == here);
    let next = if is_last { "It is the last one." } else { "The later ones have nothing of it yet." };
    print(&format!("\nStopped at chapter {here}: decide in the files marked CONFLICT. {next}\n"))?;
    if !is_last {
        print(&format!("Then `just carry {here}` takes it on, with your decision.\n"))?;
    }
    Ok(ExitCode::FAILURE)
}

fn update_everywhere(chain: &Chain, name: &str, version: Option<Version>) -> Result<ExitCode> {
    let updated = update::update(&workspaces::all(&chain.root)?, name, version)?;
    let version = &updated.version;
    match updated.files.as_slice() {
        [] => print(&format!("{name} is {version} everywhere already\n"))?,
        files => print(&format!("{name} is {version} now; written:\n  {}\n", files.join("\n  ")))?,
    };
    let workspaces = workspaces::all(&chain.root)?;
    let violations = [tables::check(&workspaces), locks::check(&workspaces)?].concat();
    report("dependencies", &violations)?;
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(chain: &Chain) -> Result<ExitCode> {
    let workspaces = workspaces::all(&chain.root)?;
    let checks = [
        ("declared differences", delta::check(chain)?),
        ("unique versions", versions::check(chain, &workspaces)?),
        ("one dependency table", tables::check(&workspaces)),
        ("one set of locked crates", locks::check(&workspaces)?),
        ("rules know no framework", domain::check(chain)?),
        ("tables stay with their owner", ownership::check(chain)?),
    ];
    for (name, violations) in &checks {
        report(name, violations)?;
    }
    let holds = checks.iter().all(|(_, violations)| violations.is_empty());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(check: &str, violations: &[Violation]) -> Result<ExitCode> {
    let verdict = if violations.is_empty() { "ok" } else { "FAILED" };
    let lines: Vec<_> = violations.iter().map(|violation| format!("  {violation}\n")).collect();
    print(&format!("{check}: {verdict}\n{}", lines.concat()))
}
