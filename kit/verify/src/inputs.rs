//! What a step depends on, as a digest: while it stays the same, the step need not run again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use chain::{files::tracked, workspaces};
use sha2::{Digest, Sha256};
use stage::Course;

use crate::{
    crates::{self, StageCrates},
    step::Step,
};

/// Something that a step depends on. The toolchain, the configuration of Cargo and the settings of the tests are inputs of every step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// All files of the repository.
    Everything,
    /// A file of the repository, or all files below a folder.
    Below(PathBuf),
    /// A package of the kit, with the packages that it depends on.
    Package(&'static str),
    /// Which crates of a stage are tested: those that the stages before do not contain.
    NewCrates(u32),
}

impl Input {
    /// See [`Input::Below`].
    pub fn below(path: &str) -> Self {
        Self::Below(path.into())
    }
}

/// Files that are inputs of every step.
const ALWAYS: &str = ".cargo/config.toml";

/// Variables that change what a test does.
const SETTINGS: [&str; 2] = ["STEPWISE_BROWSER", "NATS_SERVER"];

/// The present state of everything that a step may depend on.
#[derive(Debug)]
pub struct Inputs {
    /// The digest of each file, by its path in the repository.
    files: BTreeMap<PathBuf, String>,
    /// The folder of each package of the kit, and its dependencies in the kit.
    packages: BTreeMap<String, (PathBuf, Vec<String>)>,
    /// The crates of each stage.
    crates: BTreeMap<u32, StageCrates>,
    /// The toolchain and the settings.
    environment: String,
}

impl Inputs {
    /// Reads the repository.
    ///
    /// # Errors
    /// A file cannot be read, or there is no Rust toolchain.
    pub fn read(course: &Course) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in tracked(&course.root)? {
            let content = fs::read(course.root.join(&path)).with_context(|| format!("cannot read {path}"))?;
            files.insert(path.into(), hex(&Sha256::digest(content)));
        }
        let workspaces = workspaces::all(&course.root)?;
        let kit = workspaces.iter().find(|workspace| workspace.place.is_empty());
        let packages = kit.map(|kit| &kit.packages[..]).unwrap_or_default();
        let is_local = |name: &String| packages.iter().any(|package| package.name == *name);
        let packages = packages.iter().map(|package| {
            let folder = Path::new(&package.place).parent().unwrap_or(Path::new("")).to_owned();
            let local = package.dependencies.iter().map(|(name, _)| name.clone()).filter(is_local).collect();
            (package.name.clone(), (folder, local))
        });
        let rustc = Command::new("rustc")
            .arg("-vV")
            .output()
            .context("cannot run rustc; install Rust from https://rustup.rs")?;
        let setting = |name: &str| format!("{name}={:?}\n", std::env::var_os(name));
        let settings: String = SETTINGS.iter().map(|name| setting(name)).collect();
        Ok(Self {
            packages: packages.collect(),
            crates: crates::of_each_chapter(course, &workspaces, &files)?,
            environment: format!("{}{settings}", String::from_utf8_lossy(&rustc.stdout)),
            files,
        })
    }

    /// The crates of a stage. None for a chapter without one.
    pub fn crates(&self, chapter: u32) -> Option<&StageCrates> {
        self.crates.get(&chapter)
    }

    /// The digest of everything that a step depends on.
    pub fn digest(&self, step: &Step) -> String {
        let mut all = Sha256::new();
        all.update(&self.environment);
        for (path, digest) in self.files.iter().filter(|(path, _)| self.depends_on(step, path)) {
            all.update(format!("{} {digest}\n", path.display()));
        }
        for input in &step.inputs {
            if let Input::NewCrates(chapter) = input {
                all.update(format!("{:?}", self.crates(*chapter)));
            }
        }
        hex(&all.finalize())
    }

    /// Whether a file of the repository is an input of a step.
    pub fn depends_on(&self, step: &Step, path: &Path) -> bool {
        let is_input = |input: &Input| match input {
            Input::Everything => true,
            Input::Below(folder) => path.starts_with(folder),
            Input::Package(name) => {
                let is_source = |(folder, _): &(PathBuf, _)| path.starts_with(folder);
                path == Path::new("Cargo.toml")
                    || path == Path::new("Cargo.lock")
                    || self.closure(name).iter().filter_map(|name| self.packages.get(*name)).any(is_source)
            }
            Input::NewCrates(_) => false,
        };
        path == Path::new(ALWAYS) || step.inputs.iter().any(is_input)
    }

    /// A package of the kit, and the packages that it depends on.
    fn closure<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        let (mut found, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(
                    self.packages.get(name).into_iter().flat_map(|(_, local)| local).map(String::as_str),
                );
            }
        }
        found
    }
}

/// Formats a digest.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
