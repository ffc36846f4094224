//! `chain`, which `just diff`, `just carry`, `just declare`, `just update` and `just test chain` run.

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use chain::{
    Chain, Violation, carry, declare, delta, diff, domain, locks, ownership, tables, update, versions,
    workspaces,
};
use clap::{Parser, Subcommand};
use semver::Version;

/// Compares the chapters and keeps them consistent.
#[derive(Parser)]
#[command(bin_name = "just", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the differences between two chapters and follows moved files
    ///
    /// The diff omits what is specific to each chapter: the version of its workspace, Cargo.lock,
    /// chapter.toml and the README.md of its folder. It uses colours only on a terminal.
    #[command(verbatim_doc_comment)]
    Diff {
        /// The number of a chapter
        a: u32,
        /// The number of another chapter
        b: u32,
        /// Shows only this file or folder, relative to either chapter: shop/src
        path: Option<String>,
        /// Prints one line per file, and the totals
        #[arg(long)]
        stat: bool,
    },
    /// Merges the uncommitted change of a chapter into every later chapter
    ///
    /// For authors. The change moves from each chapter to the next. Every file that differs from the last
    /// commit, including new and deleted files, is merged into the corresponding file of the next chapter;
    /// moves are followed. The base of the three-way merge is the last commit. One side is the working tree
    /// of the earlier chapter; the other side is the file of the later chapter with its uncommitted changes.
    ///
    /// The command stops at the first chapter with a conflict. That chapter still receives the whole
    /// change: conflicting lines are written between conflict markers together with the base, and files
    /// that cannot be merged stay as they are. Resolve the conflicts, then run `just carry` from that
    /// chapter on. Nothing is committed, and the command is idempotent.
    #[command(verbatim_doc_comment)]
    Carry {
        /// The number of the chapter with the change
        chapter: u32,
    },
    /// Generates the [changes] table of a chapter from its files
    ///
    /// For authors. Moves that chapter.toml declares are kept; others are found by content. Review the
    /// table before you use it.
    #[command(verbatim_doc_comment)]
    Declare {
        /// The number of the chapter
        chapter: u32,
    },
    /// Updates a dependency to the same version in every workspace
    ///
    /// For authors. The command writes the version into every dependency table, keeps the comments, and
    /// runs `cargo update` for every lock file. If Cargo fails in one workspace, all files are restored.
    #[command(verbatim_doc_comment)]
    Update {
        /// The name of the crate, which may be an indirect dependency
        name: String,
        /// The version [default: the newest version that is compatible with the current one]
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
        Command::Carry { chapter } => carry_forward(&chain, chapter),
        Command::Declare { chapter } => print(&declare::table(&declare::changes(&chain, chapter)?)),
        Command::Update { name, version } => update_everywhere(&chain, &name, version),
        Command::Check => check(&chain),
    }
}

/// Writes to standard output. A broken pipe is not an error: the reader, such as `head`, has seen enough.
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

fn carry_forward(chain: &Chain, number: u32) -> Result<ExitCode> {
    let last = carry::carry(chain, number, |chapter| {
        let files: Vec<_> = chapter.files.iter().map(|file| format!("  {file}\n")).collect();
        print(&format!("chapter {}\n{}", chapter.number, files.concat())).map(drop)
    })?;
    if last.conflicts().next().is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    let here = last.number;
    let is_last = chain.links.last().is_some_and(|link| link.number == here);
    let next = if is_last { "It is the last chapter." } else { "Later chapters were not changed." };
    print(&format!(
        "\nStopped at chapter {here}: resolve the conflicts in the files marked CONFLICT. {next}\n"
    ))?;
    if !is_last {
        print(&format!("Then run `just carry {here}` to carry the change to the later chapters.\n"))?;
    }
    Ok(ExitCode::FAILURE)
}

fn update_everywhere(chain: &Chain, name: &str, version: Option<Version>) -> Result<ExitCode> {
    let updated = update::update(&workspaces::all(&chain.root)?, name, version)?;
    let version = &updated.version;
    match updated.files.as_slice() {
        [] => print(&format!("{name} is already at {version} in every workspace\n"))?,
        files => print(&format!("updated {name} to {version} in:\n  {}\n", files.join("\n  ")))?,
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
        ("consistent dependency tables", tables::check(&workspaces)),
        ("consistent lock files", locks::check(&workspaces)?),
        ("no framework in domain code", domain::check(chain)?),
        ("SQL only on own tables", ownership::check(chain)?),
    ];
    for (name, violations) in &checks {
        report(name, violations)?;
    }
    let passed = checks.iter().all(|(_, violations)| violations.is_empty());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(check: &str, violations: &[Violation]) -> Result<ExitCode> {
    let verdict = if violations.is_empty() { "ok" } else { "FAILED" };
    let lines: Vec<_> = violations.iter().map(|violation| format!("  {violation}\n")).collect();
    print(&format!("{check}: {verdict}\n{}", lines.concat()))
}
