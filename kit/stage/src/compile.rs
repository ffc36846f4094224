//! Builds the programs of a stage with Cargo.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Command,
};

use crate::{
    course::{Chapter, Course},
    guard::{Guard, ProcessGroup},
    manifest::{NATS, PAYMENTS},
    nats::{NatsError, ToolCache},
    run::RunFolder,
};

/// Cargo profile for the programs of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Compiles faster; the profile that tests use.
    #[default]
    Debug,
    /// For measurements.
    Release,
}

/// The executable of each service of a stage.
#[derive(Debug, Clone, Default)]
pub struct Programs(BTreeMap<String, PathBuf>);

/// Why the programs of a stage could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo could not be started.
    #[error("cannot run cargo; install Rust from https://rustup.rs")]
    NoCargo(#[source] io::Error),
    /// Cargo failed. The compiler has printed the reason on standard error.
    #[error("{folder} does not compile ({status}); the errors are above")]
    Failed {
        /// The workspace.
        folder: PathBuf,
        /// The exit status of Cargo.
        status: ExitStatus,
    },
    /// The package compiled, but it has no such binary.
    #[error(
        "package {package} in {folder} has no binary {program}; correct `package` or `binary` in chapter.toml"
    )]
    NoProgram {
        /// The workspace.
        folder: PathBuf,
        /// The Cargo package.
        package: String,
        /// The missing binary.
        program: String,
    },
    /// No NATS server was found or fetched.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

/// A program to build: package and binary.
type Binary<'a> = (&'a str, &'a str);

impl Programs {
    /// Wraps programs that are already built, by service.
    pub fn built<S: Into<String>>(programs: impl IntoIterator<Item = (S, PathBuf)>) -> Self {
        Self(programs.into_iter().map(|(service, program)| (service.into(), program)).collect())
    }

    /// Compiles the programs of a stage, and fetches a NATS server if the stage needs one and none is installed. Cargo prints its
    /// progress on standard error. Dropping the future stops Cargo.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(
        course: &Course,
        chapter: &Chapter,
        profile: Profile,
        run: &RunFolder,
    ) -> Result<Self, BuildError> {
        let processes = &chapter.manifest.processes;
        let binaries: Vec<_> =
            processes.iter().map(|process| (process.package(), process.binary())).collect();
        let mut programs = BTreeMap::new();
        if chapter.manifest.nats {
            let server = ToolCache::of(&course.root).find_or_fetch(Some(&run.guard)).await?;
            programs.insert(NATS.to_owned(), server.program);
        }
        let built = cargo_build(&chapter.workspace(), &binaries, profile, &run.guard).await?;
        programs.extend(processes.iter().map(|process| process.service.clone()).zip(built));
        if chapter.manifest.payments {
            let sandbox = [("payment-sandbox", "payment-sandbox")];
            let built = cargo_build(&course.root, &sandbox, profile, &run.guard).await?;
            programs.extend(built.into_iter().map(|program| (PAYMENTS.to_owned(), program)));
        }
        Ok(Self(programs))
    }

    /// The program of a service.
    pub fn get(&self, service: &str) -> Option<&Path> {
        self.0.get(service).map(PathBuf::as_path)
    }
}

/// Builds programs of one workspace and returns their paths in the given order.
async fn cargo_build(
    folder: &Path,
    binaries: &[Binary<'_>],
    profile: Profile,
    guard: &Guard,
) -> Result<Vec<PathBuf>, BuildError> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder); // Cargo looks for .cargo/config.toml from here upwards
    cargo.arg("build").arg("--message-format=json-render-diagnostics");
    for (package, program) in binaries {
        cargo.args(["-p", package, "--bin", program]);
    }
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    cargo.env_clear().envs(crate::environment::of_workspace(folder));
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = cargo.spawn().map_err(BuildError::NoCargo)?;
    let _group = ProcessGroup::watched(child.id(), guard);
    let built = match child.stdout.take() {
        Some(output) => programs_built(output).await,
        None => BTreeMap::new(),
    };
    let status = child.wait().await.map_err(BuildError::NoCargo)?;
    if !status.success() {
        return Err(BuildError::Failed { folder: folder.to_owned(), status });
    }
    let find = |(package, program): &Binary| {
        built.get(*program).cloned().ok_or_else(|| BuildError::NoProgram {
            folder: folder.to_owned(),
            package: (*package).to_owned(),
            program: (*program).to_owned(),
        })
    };
    binaries.iter().map(find).collect()
}

/// A `compiler-artifact` message of `cargo build --message-format=json`.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

async fn programs_built(output: impl AsyncRead + Unpin) -> BTreeMap<String, PathBuf> {
    let mut lines = BufReader::new(output).lines();
    let mut programs = BTreeMap::new();
    while let Ok(Some(line)) = lines.next_line().await {
        // Other messages have no target or no executable.
        if let Ok(Artifact { target, executable: Some(program) }) = serde_json::from_str(&line) {
            programs.insert(target.name, program);
        }
    }
    programs
}
