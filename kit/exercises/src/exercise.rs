//! `exercise.toml`, the one description of an exercise.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// An exercise: what its folder says.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Its place in the course; may change when exercises are added.
    pub number: Number,
    /// Its folder, which has `README.md`, `stub/`, `decoys/` and `hints/`.
    pub folder: PathBuf,
    /// What `exercise.toml` says.
    pub manifest: Manifest,
}

/// `2.1`: the first exercise of chapter 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    /// The chapter's number.
    pub chapter: u32,
    /// From 1 within the chapter.
    pub position: u32,
}

/// A parsed and checked `exercise.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What progress is remembered under: stays when the exercise moves.
    pub id: String,
    /// A short title, in the imperative.
    pub title: String,
    /// How long it takes.
    pub minutes: u32,
    /// The files to write in, from the stage's workspace.
    pub edit: Vec<String>,
    /// What it needs besides Cargo.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// How long one test may take, in seconds.
    #[serde(default = "half_a_minute")]
    pub time_limit: u64,
    /// The tests that have to pass.
    #[serde(rename = "test")]
    pub tests: Vec<Test>,
    /// Plausible wrong solutions: `decoys/NAME/`.
    #[serde(rename = "decoy")]
    pub decoys: Vec<Decoy>,
}

/// Something that a machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// A NATS server, 2.10 or newer.
    NatsServer,
}

/// A test that has to pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Its path in the test program: `ordering::a_key_is_remembered`.
    pub name: String,
    /// The folder of its package, in the workspace.
    pub package: String,
    /// The test program: a file of `tests/`, or `lib` for the tests inside the source.
    #[serde(rename = "in", default = "lib")]
    pub program: String,
    /// A text in what it says on the stub. None: it passes there already, and has to go on.
    pub first: Option<String>,
    /// What has gone wrong when it fails, to a learner.
    pub means: String,
    /// The hint that fits then: 1 or 2, for 3 is the code.
    pub hint: usize,
}

/// A plausible wrong solution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoy {
    /// Its folder in `decoys/`.
    pub name: String,
    /// What a good engineer thinks who writes it.
    pub thought: String,
    /// The test that finds it out.
    pub fails: String,
}

/// How many hints there are: a question, a concept, code.
pub const HINTS: usize = 3;

const KEYS: &str = "an exercise has: id, title, minutes, edit, needs, time_limit, \
    [[test]] (name, package, in, first, means, hint), [[decoy]] (name, thought, fails)";

fn half_a_minute() -> u64 {
    30
}

fn lib() -> String {
    "lib".to_owned()
}

impl Exercise {
    /// Reads and checks the exercise in a folder.
    ///
    /// # Errors
    /// A file is missing, or says what cannot be. The message has the file, the key and the remedy.
    pub fn read(number: Number, folder: &Path) -> Result<Self> {
        let file = folder.join("exercise.toml");
        let shown = file.display();
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{shown} cannot be read; every exercise has one"))?;
        let manifest: Manifest = toml::from_str(&text).with_context(|| format!("{shown}: {KEYS}"))?;
        let exercise = Self { number, folder: folder.to_owned(), manifest };
        exercise.check().with_context(|| shown.to_string())?;
        Ok(exercise)
    }

    fn check(&self) -> Result<()> {
        let Manifest { id, edit, tests, decoys, .. } = &self.manifest;
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        ensure!(is_word(id), "`id` is \"{id}\"; use lower case letters, digits and hyphens");
        ensure!(!edit.is_empty(), "`edit` is empty; name the files to write in");
        ensure!(
            tests.iter().any(|test| test.first.is_some()),
            "no `test` has a `first`: there is nothing to do"
        );
        for test in tests {
            ensure!(
                (1..HINTS).contains(&test.hint),
                "`hint` of {} is {}; 1 or 2, for 3 is the code",
                test.name,
                test.hint
            );
        }
        let names: BTreeSet<_> = tests.iter().map(|test| &test.name).collect();
        for Decoy { name, fails, .. } in decoys {
            ensure!(
                is_word(name),
                "a `decoy` is called \"{name}\"; use lower case letters, digits and hyphens"
            );
            ensure!(names.contains(fails), "`fails` of the decoy {name} is {fails}, which is no `test`");
        }
        let folders = decoys.iter().map(|decoy| format!("decoys/{}", decoy.name)).chain(["stub".to_owned()]);
        let files = (1..=HINTS).map(|hint| format!("hints/{hint}.md")).chain(["README.md".to_owned()]);
        for needed in folders.chain(files) {
            ensure!(self.folder.join(&needed).exists(), "there is no {needed} beside it; add it");
        }
        Ok(())
    }

    /// A hint, from 1.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn hint(&self, hint: usize) -> Result<String> {
        let file = self.folder.join(format!("hints/{hint}.md"));
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        Ok(text.trim().to_owned())
    }

    /// The task, as Markdown.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn task(&self) -> Result<String> {
        let file = self.folder.join("README.md");
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
    }
}

impl Manifest {
    /// How long one test may take.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.time_limit)
    }
}

impl Test {
    /// The rule that it states: the last part of its name, as a sentence.
    pub fn rule(&self) -> String {
        self.name.rsplit("::").next().unwrap_or_default().replace('_', " ")
    }
}

impl Need {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::NatsServer => "nats-server",
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chapter, self.position)
    }
}

impl FromStr for Number {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((chapter, position)) = text.split_once('.') else {
            bail!("{text} is no number of an exercise; write 1.1")
        };
        Ok(Self { chapter: chapter.parse()?, position: position.parse()? })
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
