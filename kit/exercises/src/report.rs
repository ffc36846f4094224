//! What a learner reads: a judgement in plain words, with the hint that fits; and as JSON.

use std::fmt::Write;

use anyhow::Result;
use serde::Serialize;

use crate::{
    check::{Judgement, Tested},
    desk::PutBack,
    exercise::Exercise,
    run::Verdict,
};

/// How many of the compiler's errors are shown: the first explain the others.
const ERRORS: usize = 3;

/// What `todo!` says.
const UNWRITTEN: &str = "not yet implemented";

/// A judgement as JSON.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    id: &'a str,
    number: String,
    compiles: bool,
    passed: usize,
    tests: usize,
    results: &'a [Tested],
    errors: Vec<String>,
    hint: Option<usize>,
}

impl<'a> Document<'a> {
    /// Of a judgement.
    pub fn of(exercise: &'a Exercise, judgement: &'a Judgement) -> Self {
        let (passed, tests) = judgement.passed(exercise);
        let (results, errors) = match judgement {
            Judgement::Tested(results) => (results.as_slice(), Vec::new()),
            Judgement::DoesNotCompile(errors) => (
                &[][..],
                errors.iter().map(|error| anstream::adapter::strip_str(error).to_string()).collect(),
            ),
        };
        Self {
            id: &exercise.manifest.id,
            number: exercise.number.to_string(),
            compiles: matches!(judgement, Judgement::Tested(_)),
            passed,
            tests,
            results,
            errors,
            hint: judgement.first_failure(exercise).map(|(test, _)| test.hint),
        }
    }
}

/// A judgement in words.
///
/// # Errors
/// A hint cannot be read.
pub fn words(exercise: &Exercise, judgement: &Judgement) -> Result<String> {
    let mut text = String::new();
    let (number, title) = (exercise.number, &exercise.manifest.title);
    match judgement {
        Judgement::DoesNotCompile(errors) => {
            writeln!(text, "{number} {title}: it does not compile yet, so no test was run\n")?;
            for error in errors.iter().take(ERRORS) {
                writeln!(text, "{}\n", error.trim_end())?;
            }
            if let Some(more) = errors.len().checked_sub(ERRORS).filter(|more| *more > 0) {
                writeln!(text, "and {more} more; begin with the first\n")?;
            }
        }
        Judgement::Tested(tested) => {
            let (passed, all) = judgement.passed(exercise);
            writeln!(text, "{number} {title}: {passed} of {all} pass\n")?;
            for (test, tested) in exercise.manifest.tests.iter().zip(tested) {
                writeln!(text, "  {}  {}", label(&tested.verdict), test.rule())?;
            }
            if let Some(failure) = failure(exercise, judgement)? {
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
        Verdict::Hung { .. } => "HANGS ",
        Verdict::Missing => "GONE  ",
    }
}

/// The first test that does not pass: what it said, what that means, and the hint that fits.
fn failure(exercise: &Exercise, judgement: &Judgement) -> Result<Option<String>> {
    let Some((test, verdict)) = judgement.first_failure(exercise) else { return Ok(None) };
    let said = match verdict {
        Verdict::Failed { said } => said.clone(),
        Verdict::Hung { seconds } => format!(
            "it was not done after {seconds} s and was ended; something waits for what never comes:\n\
            a transaction or a lock that is not given back, a loop without an end, a second wait for what was there once"
        ),
        Verdict::Missing => {
            "the test is not in the program; is its module still named where it was?".to_owned()
        }
        Verdict::Passed => return Ok(None),
    };
    let Exercise { number, .. } = exercise;
    if let Some(at) = said.find(UNWRITTEN) {
        // What the hole says and where it is; what failed because of it is no news.
        let hole = said[at..].lines().take(2).collect::<Vec<_>>().join("\n");
        let task = format!("Nothing is written there yet; the task is in work/{number}/README.md");
        return Ok(Some(format!("The first that fails says:\n\n{}\n\n{task}", indented(&hole))));
    }
    let said = indented(&said);
    let kind = ["a question", "a concept", "code"][test.hint - 1];
    Ok(Some(format!(
        "The first that fails says:\n\n{said}\n\n{}\n\nHint {}, {kind}:\n\n{}\n\nMore: just hint {number}",
        indented(&test.means),
        test.hint,
        indented(&exercise.hint(test.hint)?)
    )))
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A file that was put back, in a line.
pub fn put_back(file: &PutBack) -> String {
    let PutBack { path, tests_only, kept } = file;
    match kept {
        Some(kept) if *tests_only => {
            format!(
                "put back the tests in {path}; the rest of it is as you left it. As it was: {}",
                kept.display()
            )
        }
        Some(kept) => {
            format!("put back {path}, which is the exercise's; yours is kept as {}", kept.display())
        }
        None => format!("put back {path}, which was gone"),
    }
}
