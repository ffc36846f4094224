//! What a learner reads: a check result in plain words, with the hint that fits; and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use crate::{
    check::{CheckResult, Outcome},
    exercise::{Exercise, Expectation, Manifest},
    run::Verdict,
    workspace::Restored,
};

/// How many compiler errors are shown. The first ones usually cause the others.
const SHOWN_ERRORS: usize = 3;

/// What a failure contains when the learner has not written or measured anything yet.
const UNWRITTEN: [&str; 2] = ["not yet implemented", "not yet answered"];

/// What kind of help each hint is.
const KINDS: [&str; crate::exercise::HINTS] = ["a question", "a concept", "a skeleton", "the code"];

/// A check result as JSON.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    id: &'a str,
    number: String,
    compiles: bool,
    passed: usize,
    tests: usize,
    results: &'a [Outcome],
    errors: Vec<String>,
    hint: Option<usize>,
}

impl<'a> Document<'a> {
    /// The document of a check result.
    pub fn of(exercise: &'a Exercise, result: &'a CheckResult) -> Self {
        let (passed, tests) = result.passed(exercise);
        let (results, errors) = match result {
            CheckResult::Tested(results) => (results.as_slice(), Vec::new()),
            CheckResult::DoesNotCompile(errors) => (
                &[][..],
                errors.iter().map(|error| anstream::adapter::strip_str(error).to_string()).collect(),
            ),
        };
        Self {
            id: &exercise.manifest.id,
            number: exercise.number.to_string(),
            compiles: matches!(result, CheckResult::Tested(_)),
            passed,
            tests,
            results,
            errors,
            hint: result.first_failure(exercise).map(|(expectation, _)| help(expectation).1),
        }
    }
}

/// A check result in words.
///
/// # Errors
/// A hint cannot be read.
pub fn words(exercise: &Exercise, result: &CheckResult) -> Result<String> {
    let mut text = String::new();
    let (number, title) = (exercise.number, &exercise.manifest.title);
    match result {
        CheckResult::DoesNotCompile(errors) => {
            writeln!(text, "{number} {title}: it does not compile yet, so no test was run\n")?;
            for error in errors.iter().take(SHOWN_ERRORS) {
                writeln!(text, "{}\n", error.trim_end())?;
            }
            if let Some(more) = errors.len().checked_sub(SHOWN_ERRORS).filter(|more| *more > 0) {
                writeln!(text, "and {more} more errors; start with the first\n")?;
            }
        }
        CheckResult::Tested(outcomes) => {
            let (passed, all) = result.passed(exercise);
            writeln!(text, "{number} {title}: {passed} of {all} pass\n")?;
            for (expectation, outcome) in exercise.manifest.expectations().zip(outcomes) {
                writeln!(text, "  {}  {}", label(&outcome.verdict), rule(&exercise.manifest, expectation))?;
            }
            if let Some(failure) = failure(exercise, result)? {
                writeln!(text, "\n{failure}")?;
            }
        }
    }
    Ok(text)
}

fn label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passes",
        Verdict::Failed { .. } => "FAILS ",
        Verdict::TimedOut { .. } => "HANGS ",
        Verdict::Missing => "ABSENT",
        Verdict::Skipped => "  -   ",
    }
}

/// What is expected, in one line.
fn rule(manifest: &Manifest, expectation: Expectation) -> String {
    let Some(first) = manifest.bugs.first() else { return expectation.test.rule() };
    match (expectation.bug, &first.prints) {
        (None, None) => "the test passes on the stage".to_owned(),
        (None, Some(invariant)) => format!("{invariant} holds on the stage"),
        (Some(bug), prints) => {
            let (n, all) =
                (1 + manifest.bugs.iter().take_while(|other| *other != bug).count(), manifest.bugs.len());
            match prints {
                None => format!("the test detects bug {n} of {all}"),
                Some(invariant) => format!("{invariant} is broken on bug {n} of {all}"),
            }
        }
    }
}

/// What it means that an expectation is not met, and the hint that fits.
fn help(expectation: Expectation<'_>) -> (&str, usize) {
    match expectation.bug {
        None => (&expectation.test.means, expectation.test.hint),
        Some(bug) => (&bug.means, bug.hint),
    }
}

/// The first expectation that is not met: the message of the test, what it means, and the hint that fits.
fn failure(exercise: &Exercise, result: &CheckResult) -> Result<Option<String>> {
    let Some((expectation, verdict)) = result.first_failure(exercise) else { return Ok(None) };
    let message = match verdict {
        Verdict::Failed { message } => message.clone(),
        Verdict::TimedOut { seconds } => format!(
            "the test did not finish within {seconds} s and was killed; it waits for something that never happens:\n\
            a transaction or lock that is not released, an endless loop, or a second wait for a single event"
        ),
        Verdict::Missing => "the test is not in the program; was its module or file renamed?".to_owned(),
        Verdict::Passed | Verdict::Skipped => return Ok(None),
    };
    let Exercise { number, .. } = exercise;
    if let Some(at) = UNWRITTEN.iter().find_map(|unwritten| message.find(unwritten)) {
        // Show the `todo!` and its location, and leave out the failures that follow from it.
        let todo = message[at..].lines().take(2).collect::<Vec<_>>().join("\n");
        let task = format!("You have not written this part yet; the task is in work/{number}/README.md");
        return Ok(Some(format!("The first failure:\n\n{}\n\n{task}", indented(&todo))));
    }
    let mut shown = indented(&message);
    if message.contains("\n  left: ") {
        shown.push_str("\n  (left is what happened, right is what the test expects)");
    }
    let (means, hint) = help(expectation);
    Ok(Some(format!(
        "The first failure:\n\n{shown}\n\n{}\n\nHint {hint}, {}:\n\n{}\n\nMore: just hint {number}",
        indented(means),
        KINDS[hint - 1],
        indented(&exercise.hint(hint)?)
    )))
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A line about a file that was restored.
pub fn restored(file: &Restored) -> String {
    let Restored { path, tests_only, kept } = file;
    match kept {
        Some(kept) if *tests_only => {
            format!("restored the tests in {path} and left the rest; your version: {}", kept.display())
        }
        Some(kept) => {
            format!("restored {path}, which belongs to the exercise; your version: {}", kept.display())
        }
        None => format!("restored {path}, which was missing"),
    }
}
