//! Judges a copy of a stage by the tests of an exercise.

use std::path::{Path, PathBuf};

use anyhow::Result;
use futures_util::future::join_all;
use serde::Serialize;
use stage::{Guard, nats::ToolCache};

use crate::{
    build::{Built, build},
    catalogue::Catalogue,
    exercise::{Exercise, Need, Test},
    run::{Verdict, run},
};

/// Many tests wait more than they work, above all in vain; more at once would take each other's time.
const AT_ONCE: usize = 2;

/// The judgement on a copy.
#[derive(Debug)]
pub enum Judgement {
    /// It does not compile: what the compiler says, with colours.
    DoesNotCompile(Vec<String>),
    /// What came of each test, in the order of the exercise.
    Tested(Vec<Tested>),
}

/// A test and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Judgement {
    /// How many tests pass, of how many.
    pub fn passed(&self, exercise: &Exercise) -> (usize, usize) {
        let passed = match self {
            Self::DoesNotCompile(_) => 0,
            Self::Tested(tests) => tests.iter().filter(|test| test.verdict == Verdict::Passed).count(),
        };
        (passed, exercise.manifest.tests.len())
    }

    /// Whether all pass.
    pub fn is_good(&self, exercise: &Exercise) -> bool {
        let (passed, all) = self.passed(exercise);
        passed == all
    }

    /// The first test that does not pass, with what came of it.
    pub fn first_failure<'a>(&'a self, exercise: &'a Exercise) -> Option<(&'a Test, &'a Verdict)> {
        let Self::Tested(tests) = self else { return None };
        let mut all = exercise.manifest.tests.iter().zip(tests.iter().map(|test| &test.verdict));
        all.find(|(_, verdict)| **verdict != Verdict::Passed)
    }
}

/// What judging takes: what ends a hanging test, and the programs that tests need.
#[derive(Debug)]
pub struct Judge<'a> {
    guard: &'a Guard,
    shelf: ToolCache,
}

impl<'a> Judge<'a> {
    /// For the exercises of a course. Nothing that it starts outlives the guard.
    pub fn new(catalogue: &Catalogue, guard: &'a Guard) -> Self {
        Self { guard, shelf: ToolCache::of(&catalogue.course.root) }
    }

    /// Compiles a copy and runs the tests of the exercise, and no others.
    ///
    /// # Errors
    /// A NATS server is needed and cannot be fetched; or Cargo or a test program cannot be run.
    pub async fn judge(&self, exercise: &Exercise, folder: &Path) -> Result<Judgement> {
        self.judge_by(exercise, &exercise.manifest.tests, folder).await
    }

    /// The same, by some of the tests.
    pub(crate) async fn judge_by(
        &self,
        exercise: &Exercise,
        tests: &[Test],
        folder: &Path,
    ) -> Result<Judgement> {
        let nats = self.nats_for(exercise).await?;
        let programs = match build(folder, tests, self.guard).await? {
            Built::Programs(programs) => programs,
            Built::Errors(errors) => return Ok(Judgement::DoesNotCompile(errors)),
        };
        let (programs, nats) = (&programs, nats.as_deref());
        let limit = exercise.manifest.time_limit();
        let judge_one = async |test: &Test| -> Result<Tested> {
            let verdict = match programs.of(test) {
                Some(program) => run(program, &test.name, limit, nats, self.guard).await?,
                None => Verdict::Missing,
            };
            Ok(Tested { name: test.name.clone(), verdict })
        };
        let mut tested = Vec::new();
        for few in tests.chunks(AT_ONCE) {
            for outcome in join_all(few.iter().map(&judge_one)).await {
                tested.push(outcome?);
            }
        }
        Ok(Judgement::Tested(tested))
    }

    /// The NATS server for the tests of an exercise, if they need one. Where there is none it is fetched.
    async fn nats_for(&self, exercise: &Exercise) -> Result<Option<PathBuf>> {
        if !exercise.manifest.needs.contains(&Need::NatsServer) {
            return Ok(None);
        }
        Ok(Some(self.shelf.find_or_fetch(Some(self.guard)).await?.program))
    }
}
