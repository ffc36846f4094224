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
    guard::{Group, Guard},
    manifest::{NATS, PAYMENTS},
    nats::{NatsError, Shelf},
    run::RunFolder,
};

/// How programs are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Quick to compile, and what tests use.
    #[default]
    Debug,
    /// For measurements.
    Release,
}

/// The program of each service of a stage.
#[derive(Debug, Clone, Default)]
pub struct Programs(BTreeMap<String, PathBuf>);

/// Why a stage has no programs.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo cannot be started.
    #[error("cannot run cargo; install Rust from https://rustup.rs")]
    NoCargo(#[source] io::Error),
    /// The compiler has said why on standard error.
    #[error("{folder} does not compile ({status}); the errors are above")]
    Failed {
        /// The workspace.
        folder: PathBuf,
        /// How Cargo ended.
        status: ExitStatus,
    },
    /// It compiles and is not what the manifest says.
    #[error(
        "package {package} in {folder} has no program {program}; correct `package` or `binary` in chapter.toml"
    )]
    NoProgram {
        /// The workspace.
        folder: PathBuf,
        /// The Cargo package.
        package: String,
        /// The binary that is missing.
        program: String,
    },
    /// There is no NATS server.
    #[error(transparent)]
    Nats(#[from] NatsError),
}

/// A program to build: a binary of a package.
type Wanted<'a> = (&'a str, &'a str);

impl Programs {
    /// Programs that are built already, by service.
    pub fn built<S: Into<String>>(programs: impl IntoIterator<Item = (S, PathBuf)>) -> Self {
        Self(programs.into_iter().map(|(service, program)| (service.into(), program)).collect())
    }

    /// Compiles what a stage needs, and fetches a NATS server where it needs one and there is none. Cargo shows its progress
    /// on standard error; dropping the future ends it.
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
        let wanted: Vec<_> = processes.iter().map(|process| (process.package(), process.binary())).collect();
        let mut programs = BTreeMap::new();
        if chapter.manifest.nats {
            let server = Shelf::of(&course.root).obtain(Some(&run.guard)).await?;
            programs.insert(NATS.to_owned(), server.program);
        }
        let built = cargo_build(&chapter.workspace(), &wanted, profile, &run.guard).await?;
        programs.extend(processes.iter().map(|process| process.service.clone()).zip(built));
        if chapter.manifest.payments {
            let sandbox = [("payment-sandbox", "payment-sandbox")];
            let built = cargo_build(&course.root, &sandbox, profile, &run.guard).await?;
            programs.extend(built.into_iter().map(|program| (PAYMENTS.to_owned(), program)));
        }
        Ok(Self(programs))
    }

    /// The program of a service.
    pub fn of(&self, service: &str) -> Option<&Path> {
        self.0.get(service).map(PathBuf::as_path)
    }
}

/// Builds programs of one workspace and says where they are, in the order asked for.
async fn cargo_build(
    folder: &Path,
    wanted: &[Wanted<'_>],
    profile: Profile,
    guard: &Guard,
) -> Result<Vec<PathBuf>, BuildError> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder); // where its .cargo/config.toml is found
    cargo.arg("build").arg("--message-format=json-render-diagnostics");
    for (package, program) in wanted {
        cargo.args(["-p", package, "--bin", program]);
    }
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    cargo.env_clear().envs(crate::environment::inherited());
    cargo.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = cargo.spawn().map_err(BuildError::NoCargo)?;
    let _group = Group::watched(child.id(), guard);
    let built = match child.stdout.take() {
        Some(output) => programs_built(output).await,
        None => BTreeMap::new(),
    };
    let status = child.wait().await.map_err(BuildError::NoCargo)?;
    if !status.success() {
        return Err(BuildError::Failed { folder: folder.to_owned(), status });
    }
    let find = |(package, program): &Wanted| {
        built.get(*program).cloned().ok_or_else(|| BuildError::NoProgram {
            folder: folder.to_owned(),
            package: (*package).to_owned(),
            program: (*program).to_owned(),
        })
    };
    wanted.iter().map(find).collect()
}

/// What Cargo reports on standard output about each thing it built.
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
        // Lines of other kinds have no target and executable.
        if let Ok(Artifact { target, executable: Some(program) }) = serde_json::from_str(&line) {
            programs.insert(target.name, program);
        }
    }
    programs
}
