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

/// An exercise, as its folder describes it.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// Its place in the course. May change when exercises are added.
    pub number: Number,
    /// Its folder, with `README.md`, `stub/`, `decoys/` and `hints/`.
    pub folder: PathBuf,
    /// The content of `exercise.toml`.
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

/// A parsed and validated `exercise.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Progress is stored under this id, so it stays when the exercise gets another number.
    pub id: String,
    /// Ids that the exercise had before. Progress and work folders made under them still count.
    #[serde(default)]
    pub former_ids: Vec<String>,
    /// A short title.
    pub title: String,
    /// How long it takes.
    pub minutes: u32,
    /// The files that the learner edits, relative to the stage's workspace.
    pub edit: Vec<String>,
    /// What it needs besides Cargo.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// How long one test may take, in seconds.
    #[serde(default = "default_time_limit")]
    pub time_limit: u64,
    /// The tests that must pass.
    #[serde(rename = "test")]
    pub tests: Vec<Test>,
    /// Faulty versions of the stage, `bugs/NAME/`: the learner's test must fail on each of them.
    #[serde(rename = "bug", default)]
    pub bugs: Vec<Bug>,
    /// Values that the learner measures and writes into `answers.toml`.
    #[serde(rename = "answer", default)]
    pub answers: Vec<Answer>,
    /// Plausible wrong solutions: `decoys/NAME/`.
    #[serde(rename = "decoy")]
    pub decoys: Vec<Decoy>,
}

/// A program that may be missing on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// A NATS server, 2.10 or newer.
    NatsServer,
}

/// A test that must pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Its path in the test program: `ordering::a_key_is_remembered`.
    pub name: String,
    /// The folder of its package, in the workspace.
    pub package: String,
    /// The test program: a file of `tests/`, or `lib` for the tests inside the source.
    #[serde(rename = "in", default = "default_program")]
    pub program: String,
    /// A text that its failure on the stub contains. Without one, it passes on the stub and must continue to.
    pub first: Option<String>,
    /// What went wrong when it fails, in words for the learner.
    pub means: String,
    /// The hint that fits this failure. The last hint is the code, so it is never this one.
    pub hint: usize,
}

/// A faulty version of the stage that the learner's test must detect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// Its folder in `bugs/`.
    pub name: String,
    /// Why a good engineer would have written it.
    pub thought: String,
    /// A text that the failing test must print, such as the name of the invariant that is broken.
    pub prints: Option<String>,
    /// What is missing when the learner's test does not detect it, in words for the learner.
    pub means: String,
    /// The hint that fits then.
    pub hint: usize,
}

/// A value that the learner measures.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its key in `answers.toml`.
    pub name: String,
    /// What it is, with its unit.
    pub what: String,
}

/// A plausible wrong solution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoy {
    /// Its folder in `decoys/`.
    pub name: String,
    /// Why a good engineer would have written it.
    pub thought: String,
    /// The test that rejects it.
    pub fails: String,
    /// The bug that its test does not detect. Without one, the test fails on the stage itself.
    pub misses: Option<String>,
}

/// One thing that a check establishes: a test on the stage, or a test on a bug.
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a> {
    /// The test that is run.
    pub test: &'a Test,
    /// Where it is run: on the stage it must pass, on a bug it must fail.
    pub bug: Option<&'a Bug>,
}

/// How many hints there are: a question, a concept, a skeleton, the code.
pub const HINTS: usize = 4;

/// The file in which a learner writes what they measured.
pub const ANSWERS: &str = "answers.toml";

const KEYS: &str = "the keys of an exercise are: id, former_ids, title, minutes, edit, needs, time_limit, \
    [[test]] (name, package, in, first, means, hint), [[bug]] (name, thought, prints, means, hint), \
    [[answer]] (name, what), [[decoy]] (name, thought, fails, misses)";

fn default_time_limit() -> u64 {
    30
}

fn default_program() -> String {
    "lib".to_owned()
}

impl Exercise {
    /// Reads and validates the exercise in a folder.
    ///
    /// # Errors
    /// A file is missing or invalid. The message names the file, the key and the remedy.
    pub fn read(number: Number, folder: &Path) -> Result<Self> {
        let file = folder.join("exercise.toml");
        let shown = file.display();
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{shown} cannot be read; every exercise has one"))?;
        let manifest: Manifest = toml::from_str(&text).with_context(|| format!("{shown}: {KEYS}"))?;
        let exercise = Self { number, folder: folder.to_owned(), manifest };
        exercise
            .manifest
            .validate()
            .and_then(|()| exercise.has_its_files())
            .with_context(|| shown.to_string())?;
        Ok(exercise)
    }

    fn has_its_files(&self) -> Result<()> {
        let Manifest { decoys, bugs, .. } = &self.manifest;
        let decoys = decoys.iter().map(|decoy| format!("decoys/{}", decoy.name));
        let bugs = bugs.iter().map(|bug| format!("bugs/{}", bug.name));
        let hints = (1..=HINTS).map(|hint| format!("hints/{hint}.md"));
        let others = ["stub", "README.md"].map(str::to_owned);
        for needed in decoys.chain(bugs).chain(hints).chain(others) {
            ensure!(self.folder.join(&needed).exists(), "{needed} is missing beside it; add it");
        }
        Ok(())
    }

    /// A hint, counted from 1.
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

    /// Whether this is the exercise's id, or was once.
    pub fn has_id(&self, id: &str) -> bool {
        self.manifest.id == id || self.manifest.former_ids.iter().any(|former| former == id)
    }
}

impl Manifest {
    /// How long one test may take.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.time_limit)
    }

    /// Everything that a check establishes, in the order in which it is shown.
    pub fn expectations(&self) -> impl Iterator<Item = Expectation<'_>> {
        let on_the_stage = self.tests.iter().map(|test| Expectation { test, bug: None });
        let on_bugs = self.bugs.iter().map(|bug| Expectation { test: &self.tests[0], bug: Some(bug) });
        on_the_stage.chain(on_bugs)
    }

    fn validate(&self) -> Result<()> {
        let Self { id, former_ids, edit, tests, bugs, answers, decoys, .. } = self;
        for id in former_ids.iter().chain([id]) {
            ensure!(is_word(id), "`id` is \"{id}\"; use lower case letters, digits and hyphens");
        }
        ensure!(!edit.is_empty(), "`edit` is empty; name the files that the learner edits");
        ensure!(
            tests.iter().any(|test| test.first.is_some()),
            "no `test` has a `first`: there is nothing to do"
        );
        let hints = tests.iter().map(|test| (&test.name, test.hint));
        for (name, hint) in hints.chain(bugs.iter().map(|bug| (&bug.name, bug.hint))) {
            let last = HINTS - 1;
            ensure!(
                (1..HINTS).contains(&hint),
                "`hint` of {name} is {hint}; use 1 to {last}, {HINTS} is the code"
            );
        }
        ensure!(bugs.is_empty() || tests.len() == 1, "an exercise with a `bug` has one `test`");
        ensure!(
            answers.is_empty() || edit.iter().any(|path| path == ANSWERS),
            "there is an `answer`, and {ANSWERS} is not in `edit`; add it"
        );
        let test_names: BTreeSet<_> = tests.iter().map(|test| &test.name).collect();
        let bug_names: BTreeSet<_> = bugs.iter().map(|bug| &bug.name).collect();
        for name in bug_names.iter().copied().chain(decoys.iter().map(|decoy| &decoy.name)) {
            ensure!(is_word(name), "the name \"{name}\" must be lower case letters, digits and hyphens");
        }
        for Decoy { name, fails, misses, .. } in decoys {
            ensure!(
                test_names.contains(fails),
                "`fails` of the decoy {name} is {fails}, which is not a `test`"
            );
            if let Some(bug) = misses {
                ensure!(
                    bug_names.contains(bug),
                    "`misses` of the decoy {name} is {bug}, which is not a `bug`"
                );
            }
        }
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

impl Test {
    /// The rule that it states: the last part of its name, as a sentence.
    pub fn rule(&self) -> String {
        self.name.rsplit("::").next().unwrap_or_default().replace('_', " ")
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
            bail!("{text} is not the number of an exercise; write 1.1")
        };
        Ok(Self { chapter: chapter.parse()?, position: position.parse()? })
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
