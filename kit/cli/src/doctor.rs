//! `kit doctor`: checks that this machine has everything the course needs, and prints a remedy for each missing item.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Result;
use serde::Serialize;
use stage::{
    Course, cargo_config,
    nats::{INSTALL_HINT, PINNED, ToolCache},
};

use crate::{table::table, terminal};

/// Options of the doctor.
#[derive(clap::Args)]
#[command(after_help = "The exit code is 1 if something is missing.")]
pub(crate) struct Args {
    /// Prints JSON: a list of {name, ok, found, remedy}
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    remedy: Option<&'static str>,
}

/// The oldest compiler that builds the course.
const RUST: (u32, u32) = (1, 95);
/// The space that one chapter needs, and that a morning with the exercises of a chapter needs, in GiB.
const DISK: [u64; 2] = [2, 8];

pub(crate) fn run(course: &Course, args: &Args) -> Result<ExitCode> {
    let checks = checks(course);
    if args.json {
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&checks)?))?;
    } else {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| {
                let verdict = if check.ok { "ok" } else { "NO" };
                let remedy = check.remedy.map(|remedy| format!("-> {remedy}")).unwrap_or_default();
                [verdict.to_owned(), check.name.to_owned(), check.found.clone(), remedy]
            })
            .collect();
        terminal::print(&table(&rows))?;
    }
    Ok(if checks.iter().all(|check| check.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn checks(course: &Course) -> Vec<Check> {
    // The path of a fetched server is shown relative to the course.
    let root = format!("{}/", course.root.display());
    let in_course = |text: String| text.replace(&root, "");
    let nats = nats_server(&ToolCache::of(&course.root)).map(in_course).map_err(in_course);
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
        check("nats-server 2.10 or newer", nats, INSTALL_HINT),
        check(
            "Cargo configuration",
            cargo_configuration(&course.root),
            "remove these settings, or move them into the projects that they are meant for",
        ),
        check(
            "disk space",
            disk(&course.root),
            "free 2 GiB for one chapter, or 8 GiB for a morning of exercises",
        ),
        check(
            "ports of 127.0.0.1",
            port(),
            "let programs listen on 127.0.0.1: see the firewall or sandbox you run in",
        ),
    ]
}

/// What was found, as `Err` if it does not suffice.
type Found = Result<String, String>;

fn check(name: &'static str, found: Found, remedy: &'static str) -> Check {
    let ok = found.is_ok();
    Check { name, ok, found: found.unwrap_or_else(|problem| problem), remedy: (!ok).then_some(remedy) }
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

/// The server that a stage would run with. If there is none, it can be fetched with `curl` or Python.
fn nats_server(cache: &ToolCache) -> Found {
    let too_old: Vec<_> = cache.too_old().iter().map(|server| format!("; {server} is too old")).collect();
    let too_old = too_old.concat();
    if let Some(server) = cache.find() {
        return Ok(format!("{server}{too_old}"));
    }
    let fetcher = ["curl", "python3"].into_iter().find(|program| version(program, "").is_ok());
    match fetcher {
        Some(program) => Ok(format!("none; `just chapter` will fetch {PINNED} with {program}{too_old}")),
        None => Err(format!("none, and neither curl nor python3 to fetch it{too_old}")),
    }
}

/// The first line of the output of `program [subcommand] --version`.
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

/// Whether the user's configuration of Cargo changes the builds of the course. A profile changes only how code is compiled, so it is
/// reported and permitted. Another target or another standard library would be compiled to a folder that the kit does not know.
fn cargo_configuration(root: &Path) -> Found {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let mut settings = Vec::new();
    for file in cargo_config::files(root, home) {
        let of_file = cargo_config::settings_that_change_builds(&file);
        settings.extend(of_file.into_iter().map(|setting| (setting, file.display().to_string())));
    }
    judge_settings(&settings)
}

/// Each setting with its file.
fn judge_settings(settings: &[(String, String)]) -> Found {
    let listed: Vec<_> = settings.iter().map(|(setting, file)| format!("{setting} in {file}")).collect();
    match settings.iter().all(|(setting, _)| setting.starts_with("profile.")) {
        true if listed.is_empty() => Ok("no setting that changes the builds".to_owned()),
        true => Ok(format!("{}, which applies here too", listed.join(", "))),
        false => Err(listed.join(", ")),
    }
}

/// Whether the free space, together with what the course uses already, is enough.
fn disk(root: &Path) -> Found {
    let free =
        kibibytes(Command::new("df").arg("-Pk").arg(root), 1, 3).ok_or("cannot parse the output of df")?;
    let used = kibibytes(Command::new("du").arg("-sk").arg(root), 0, 0).unwrap_or(0);
    judge_disk(free / (1024 * 1024), used / (1024 * 1024))
}

/// Free and used are in GiB.
fn judge_disk(free: u64, used: u64) -> Found {
    let [chapter, morning] = DISK;
    let text = format!("{free} GiB free, {used} GiB used by the course");
    match free + used {
        total if total >= morning => Ok(text),
        total if total >= chapter => {
            Ok(format!("{text}; enough for a chapter, but a morning of exercises takes {morning} GiB"))
        }
        _ => Err(text),
    }
}

/// A number from the output of `df` or `du`, whose POSIX format is the same on every system.
fn kibibytes(command: &mut Command, line: usize, column: usize) -> Option<u64> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().nth(line)?.split_whitespace().nth(column)?.parse().ok()
}

fn port() -> Found {
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    drop(any);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)) {
        Ok(_) => Ok("8080 is free".to_owned()),
        Err(_) => Ok("8080 is in use; a stage uses the next free port".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_the_user_is_reported_and_another_target_is_a_problem() {
        let judge = |settings: &[&str]| {
            let settings: Vec<_> =
                settings.iter().map(|name| ((*name).to_owned(), "FILE".to_owned())).collect();
            judge_settings(&settings)
        };
        assert!(judge(&[]).is_ok());
        assert_eq!(judge(&["profile.dev"]).unwrap(), "profile.dev in FILE, which applies here too");
        assert_eq!(
            judge(&["profile.dev", "build.target"]).unwrap_err(),
            "profile.dev in FILE, build.target in FILE"
        );
    }

    #[test]
    fn the_disk_must_have_space_for_a_chapter_and_should_have_space_for_a_morning() {
        assert!(judge_disk(1, 0).is_err());
        assert!(judge_disk(2, 0).unwrap().contains("a morning of exercises takes 8 GiB"));
        assert_eq!(judge_disk(8, 0).unwrap(), "8 GiB free, 0 GiB used by the course");
        assert!(judge_disk(1, 7).is_ok(), "what is built already counts");
    }
}
