//! `kit doctor`: whether this machine has what the course needs, and the remedy for what it has not.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Command, ExitCode},
};

use anyhow::Result;
use serde::Serialize;
use stage::{
    Course,
    nats::{FETCHED, Shelf, WAYS},
};

use crate::{table::table, terminal};

/// How to show it.
#[derive(clap::Args)]
#[command(after_help = "The exit code is 1 when something that the course needs is missing.")]
pub(crate) struct Args {
    /// Prints one JSON document: a list of {name, ok, found, remedy}
    #[arg(long)]
    json: bool,
}

/// One thing that is looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    remedy: Option<&'static str>,
}

/// The oldest compiler that builds the course.
const RUST: (u32, u32) = (1, 95);
/// What a checkout with two stages and their tests takes, in GiB.
const DISK: u64 = 6;

pub(crate) fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let checks = checks(course);
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&checks)?))?;
    } else {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| {
                let answer = if check.ok { "yes" } else { "NO" };
                let remedy = check.remedy.map(|remedy| format!("-> {remedy}")).unwrap_or_default();
                [answer.to_owned(), check.name.to_owned(), check.found.clone(), remedy]
            })
            .collect();
        terminal::print(&table(&rows))?;
    }
    Ok(if checks.iter().all(|check| check.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn checks(course: &Course) -> Vec<Check> {
    // What the kit fetched is named by its place in the course.
    let root = format!("{}/", course.root.display());
    let in_course = |text: String| text.replace(&root, "");
    let nats = nats_server(&Shelf::of(&course.root)).map(in_course).map_err(in_course);
    vec![
        check("system", system(), "use Linux, macOS, or Windows through WSL2"),
        check("Rust 1.95 or newer", rust(), "run: rustup update stable"),
        check("rustfmt", version("cargo", "fmt"), "run: rustup component add rustfmt"),
        check("clippy", version("cargo", "clippy"), "run: rustup component add clippy"),
        check(
            "C compiler (for SQLite)",
            c_compiler(),
            "Debian, Ubuntu: apt install gcc; macOS: xcode-select --install",
        ),
        check("just", version("just", ""), "run: cargo install just --locked"),
        check("nats-server 2.10 or newer", nats, WAYS),
        check("room on the disk", disk(), "free 6 GB; `cargo clean` frees what earlier builds took"),
        check(
            "ports of 127.0.0.1",
            port(),
            "let programs listen on 127.0.0.1: see the firewall or sandbox you run in",
        ),
    ]
}

/// What was found: good, or not.
type Found = Result<String, String>;

fn check(name: &'static str, found: Found, remedy: &'static str) -> Check {
    let ok = found.is_ok();
    Check { name, ok, found: found.unwrap_or_else(|missing| missing), remedy: (!ok).then_some(remedy) }
}

fn system() -> Found {
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    if cfg!(any(target_os = "linux", target_os = "macos")) { Ok(system) } else { Err(system) }
}

fn rust() -> Found {
    let found = version("rustc", "")?;
    let mut numbers = found.split([' ', '.']).filter_map(|word| word.parse().ok());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if version >= RUST { Ok(found) } else { Err(found) }
}

fn c_compiler() -> Found {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    version(&compiler, "")
}

/// The one that a stage would run with; where there is none, whether it can be fetched once it is needed.
fn nats_server(shelf: &Shelf) -> Found {
    let too_old: Vec<_> = shelf.too_old().iter().map(|server| format!("; {server} is too old")).collect();
    let too_old = too_old.concat();
    if let Some(server) = shelf.server() {
        return Ok(format!("{server}{too_old}"));
    }
    let fetcher = ["curl", "python3"].into_iter().find(|program| version(program, "").is_ok());
    match fetcher {
        Some(program) => {
            Ok(format!("none; `just chapter` fetches {FETCHED} when it is needed, with {program}{too_old}"))
        }
        None => Err(format!("none, and neither curl nor python3 to fetch it{too_old}")),
    }
}

/// The first line of what `program [subcommand] --version` says.
fn version(program: &str, subcommand: &str) -> Found {
    let arguments = [subcommand, "--version"];
    let output =
        Command::new(program).args(arguments.iter().filter(|argument| !argument.is_empty())).output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
        _ => Err("not found".to_owned()),
    }
}

/// Asks `df`, whose portable format is the same on every system.
fn disk() -> Found {
    let output = Command::new("df").args(["-Pk", "."]).output().map_err(|error| format!("df: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let free = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let gib = free.ok_or("df gives no figure")? / (1024 * 1024);
    if gib >= DISK { Ok(format!("{gib} GB free")) } else { Err(format!("{gib} GB free")) }
}

fn port() -> Found {
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    drop(any);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)) {
        Ok(_) => Ok("8080 is free".to_owned()),
        Err(_) => Ok("8080 is taken; a stage takes the next free one".to_owned()),
    }
}
