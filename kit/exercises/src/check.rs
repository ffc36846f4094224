//! Checks a solution by the tests of an exercise: on the stage, and where the exercise has bugs, on each of these too.

use std::path::Path;

use anyhow::Result;
use futures_util::future::join_all;
use serde::Serialize;
use stage::{Guard, nats::ToolCache};

use crate::{
    build::{Built, build},
    catalogue::Catalogue,
    exercise::{ANSWERS, Answer, Bug, Exercise, Expectation, Need, Test},
    run::{Runner, Verdict},
    tree::SourceTree,
};

/// How many tests run at the same time. Most tests wait more than they compute; more of them would slow each other down.
const CONCURRENT_TESTS: usize = 2;

/// The value of an answer that the learner has not measured yet.
const UNANSWERED: &str = "?";

/// The result of a check.
#[derive(Debug)]
pub enum CheckResult {
    /// It does not compile. Contains the compiler's messages, with colours.
    DoesNotCompile(Vec<String>),
    /// The outcome of each expectation, in their order.
    Tested(Vec<Outcome>),
}

/// The outcome of one expectation.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The test that was run.
    pub name: String,
    /// The bug on which it was run. `None`: it was run on the stage.
    pub bug: Option<String>,
    /// Whether the expectation is met. A test that detects a bug has `passed`.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl CheckResult {
    /// How many expectations are met, and how many there are.
    pub fn passed(&self, exercise: &Exercise) -> (usize, usize) {
        let passed = match self {
            Self::DoesNotCompile(_) => 0,
            Self::Tested(outcomes) => {
                outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Passed).count()
            }
        };
        (passed, exercise.manifest.expectations().count())
    }

    /// Whether everything that was tested so far has passed.
    fn all_passed(&self) -> bool {
        matches!(self, Self::Tested(outcomes) if outcomes.iter().all(|outcome| outcome.verdict == Verdict::Passed))
    }

    /// Whether all expectations are met.
    pub fn is_success(&self, exercise: &Exercise) -> bool {
        let (passed, all) = self.passed(exercise);
        passed == all
    }

    /// The first expectation that is not met, with its verdict.
    pub fn first_failure<'a>(&'a self, exercise: &'a Exercise) -> Option<(Expectation<'a>, &'a Verdict)> {
        let Self::Tested(outcomes) = self else { return None };
        let mut all = exercise.manifest.expectations().zip(outcomes.iter().map(|outcome| &outcome.verdict));
        all.find(|(_, verdict)| **verdict != Verdict::Passed)
    }
}

/// Checks exercises, and obtains the programs that their tests need.
#[derive(Debug)]
pub struct Checker<'a> {
    guard: &'a Guard,
    tools: ToolCache,
}

impl<'a> Checker<'a> {
    /// A checker for the exercises of a course. No process that it starts outlives the guard.
    pub fn new(catalogue: &Catalogue, guard: &'a Guard) -> Self {
        Self { guard, tools: ToolCache::of(&catalogue.course.root) }
    }

    /// Checks the code in a folder by some tests of an exercise.
    ///
    /// # Errors
    /// A NATS server is needed and cannot be fetched; or Cargo or a test program cannot be run.
    pub async fn check_folder(
        &self,
        exercise: &Exercise,
        tests: &[Test],
        folder: &Path,
    ) -> Result<CheckResult> {
        let mut environment = self.environment(exercise).await?;
        if !exercise.manifest.answers.is_empty() {
            let text = std::fs::read_to_string(folder.join(ANSWERS)).unwrap_or_default();
            match answers(&text, &exercise.manifest.answers) {
                Answers::Complete(json) => environment.push(("ANSWERS", json)),
                Answers::Incomplete(message) => return Ok(all_failed(tests, &message)),
                Answers::Invalid(message) => return Ok(CheckResult::DoesNotCompile(vec![message])),
            }
        }
        let programs = match build(folder, tests, self.guard).await? {
            Built::Programs(programs) => programs,
            Built::Errors(errors) => return Ok(CheckResult::DoesNotCompile(errors)),
        };
        let runner = Runner { limit: exercise.manifest.time_limit(), environment, guard: self.guard };
        let (runner, programs) = (&runner, &programs);
        let check_one = async |test: &Test| -> Result<Outcome> {
            let verdict = match programs.of(test) {
                Some(program) => runner.run(program, &test.name).await?,
                None => Verdict::Missing,
            };
            Ok(Outcome { name: test.name.clone(), bug: None, verdict })
        };
        let mut outcomes = Vec::new();
        for few in tests.chunks(CONCURRENT_TESTS) {
            for outcome in join_all(few.iter().map(&check_one)).await {
                outcomes.push(outcome?);
            }
        }
        Ok(CheckResult::Tested(outcomes))
    }

    /// Checks source trees by some tests of an exercise, on the stage and then on each bug. The trees are written into a
    /// scratch folder, one after another. All trees are checked on the stage before the first one is checked on a bug, so
    /// that Cargo compiles each version of the stage once.
    ///
    /// # Errors
    /// As [`Checker::check_folder`]; or a file cannot be written.
    pub async fn check_trees(
        &self,
        exercise: &Exercise,
        tests: &[Test],
        trees: &[SourceTree],
        scratch: &Path,
    ) -> Result<Vec<CheckResult>> {
        let mut results = Vec::new();
        for tree in trees {
            tree.replace(scratch)?;
            results.push(self.check_folder(exercise, tests, scratch).await?);
        }
        for bug in &exercise.manifest.bugs {
            for (tree, result) in trees.iter().zip(&mut results) {
                let mut verdict = Verdict::Skipped;
                if result.all_passed() {
                    tree.clone().overlaid(&exercise.folder.join("bugs").join(&bug.name))?.replace(scratch)?;
                    match self.check_folder(exercise, tests, scratch).await? {
                        CheckResult::Tested(outcomes) => verdict = on_bug(bug, outcomes[0].verdict.clone()),
                        errors @ CheckResult::DoesNotCompile(_) => *result = errors,
                    }
                }
                if let CheckResult::Tested(outcomes) = result {
                    outcomes.push(Outcome {
                        name: tests[0].name.clone(),
                        bug: Some(bug.name.clone()),
                        verdict,
                    });
                }
            }
        }
        Ok(results)
    }

    /// What the tests of an exercise see in their environment. A NATS server that is needed and missing is fetched.
    async fn environment(&self, exercise: &Exercise) -> Result<Vec<(&'static str, String)>> {
        if !exercise.manifest.needs.contains(&Need::NatsServer) {
            return Ok(Vec::new());
        }
        let server = self.tools.find_or_fetch(Some(self.guard)).await?.program;
        Ok(vec![("NATS_SERVER", server.display().to_string())])
    }
}

/// A test must fail on a bug: this turns what the test did into whether it detected the bug.
fn on_bug(bug: &Bug, verdict: Verdict) -> Verdict {
    let message = match (verdict, &bug.prints) {
        (Verdict::Failed { message }, Some(expected)) if !message.contains(expected) => {
            format!("the test failed, but not because of {expected}:\n{message}")
        }
        (Verdict::Failed { .. }, _) => return Verdict::Passed,
        (Verdict::Passed, Some(expected)) => format!("{expected} is not broken: the test passes on this bug"),
        (Verdict::Passed, None) => "the test passes although the bug is there".to_owned(),
        (Verdict::TimedOut { seconds }, _) => {
            format!("the test ran for {seconds} s on this bug; let an assertion fail instead")
        }
        (other, _) => return other,
    };
    Verdict::Failed { message }
}

fn all_failed(tests: &[Test], message: &str) -> CheckResult {
    let outcome = |test: &Test| Outcome {
        name: test.name.clone(),
        bug: None,
        verdict: Verdict::Failed { message: message.to_owned() },
    };
    CheckResult::Tested(tests.iter().map(outcome).collect())
}

enum Answers {
    /// All answers, as JSON.
    Complete(String),
    Incomplete(String),
    Invalid(String),
}

/// Reads the content of `answers.toml`.
fn answers(text: &str, wanted: &[Answer]) -> Answers {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => return Answers::Invalid(format!("error: {ANSWERS} is not valid TOML\n{error}")),
    };
    if let Some(unknown) = table.keys().find(|key| wanted.iter().all(|answer| answer.name != **key)) {
        return Answers::Invalid(format!("error: {ANSWERS} contains `{unknown}`, which is not asked for"));
    }
    let is_open =
        |answer: &&Answer| table.get(&answer.name).is_none_or(|value| value.as_str() == Some(UNANSWERED));
    if let Some(Answer { name, what }) = wanted.iter().find(is_open) {
        return Answers::Incomplete(format!("not yet answered: {name}, {what}\n  in {ANSWERS}"));
    }
    match serde_json::to_string(&table) {
        Ok(json) => Answers::Complete(json),
        Err(error) => Answers::Invalid(format!("error: {ANSWERS}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_complete_when_each_has_a_value_and_no_other_key_is_there() {
        let wanted = [Answer { name: "reads".to_owned(), what: "reads of a page".to_owned() }];
        let read = |text: &str| match answers(text, &wanted) {
            Answers::Complete(text) | Answers::Incomplete(text) | Answers::Invalid(text) => text,
        };
        assert_eq!(read("reads = 21"), r#"{"reads":21}"#);
        for open in ["", "reads = \"?\""] {
            assert_eq!(read(open), "not yet answered: reads, reads of a page\n  in answers.toml");
        }
        assert!(read("reads = 21\nraeds = 1").contains("`raeds`, which is not asked for"));
        assert!(read("reads = twenty").contains("is not valid TOML"));
    }
}
