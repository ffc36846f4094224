//! Verifies that every exercise behaves as its `exercise.toml` declares: the stub compiles and fails as declared, the
//! solution passes, and the declared test rejects each decoy.
//!
//! The variants of a chapter are written one after another into a copy of the stage, and only the files that differ. So the
//! stage is compiled once, and after that only the crates that differ. There are two such copies, because Cargo compiles one
//! at a time: while it compiles for one exercise, the tests of another run.

use std::{cell::RefCell, fmt, time::Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::{
    catalogue::Catalogue,
    check::{CheckResult, Checker},
    exercise::{Decoy, Exercise, Expectation, Test},
    report,
    run::Verdict,
    tree::SourceTree,
};

/// How much a learner writes, in lines of the solution that are not in the stub.
const LINES: std::ops::RangeInclusive<usize> = 1..=60;

/// One claim of an exercise, proved or refuted.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    /// The exercise.
    pub number: String,
    /// Its id.
    pub id: String,
    /// `solution`, `stub` or `decoy NAME`.
    pub variant: String,
    /// Whether it behaves as declared.
    pub holds: bool,
    /// What it does instead; for the solution, how many lines there are to write.
    pub detail: String,
    /// How long the proof took. Variants that are checked together share their time equally.
    pub seconds: f64,
}

/// The names of the copies of a stage.
const COPIES: [&str; 2] = ["a", "b"];

/// Proves exercises, and reports each case when it is finished.
///
/// # Errors
/// A file cannot be read or written, or Cargo cannot be run.
pub async fn prove(
    catalogue: &Catalogue,
    exercises: impl IntoIterator<Item = &Exercise>,
    checker: &Checker<'_>,
    report: impl Fn(&Case),
) -> Result<Vec<Case>> {
    let waiting = RefCell::new(exercises.into_iter());
    let next = || waiting.borrow_mut().next();
    let prove_in = async |copy: &str| {
        let mut cases = Vec::new();
        while let Some(exercise) = next() {
            cases.extend(prove_one(catalogue, exercise, checker, copy, &report).await?);
        }
        anyhow::Ok(cases)
    };
    let mut cases = try_join_all(COPIES.map(prove_in)).await?.concat();
    cases.sort_by(|one, other| one.number.cmp(&other.number));
    Ok(cases)
}

async fn prove_one(
    catalogue: &Catalogue,
    exercise: &Exercise,
    checker: &Checker<'_>,
    copy: &str,
    report: impl Fn(&Case),
) -> Result<Vec<Case>> {
    let scratch = catalogue.work_folder().join(format!(".proof/chapter-{}-{copy}", exercise.number.chapter));
    let prover = Prover::of(catalogue, exercise, copy)?;
    // With bugs, all variants are checked together: each version of the stage is then compiled once.
    let size = if exercise.manifest.bugs.is_empty() { 1 } else { prover.variants.len() };
    let mut cases = Vec::new();
    for variants in prover.variants.chunks(size) {
        let since = Instant::now();
        let trees: Vec<_> = variants.iter().map(|variant| variant.tree.clone()).collect();
        let results = checker.check_trees(exercise, &variants[0].tests, &trees, &scratch).await?;
        let seconds = (since.elapsed() / u32::try_from(trees.len())?).as_secs_f64();
        for (variant, result) in variants.iter().zip(&results) {
            let finding = prover.judge(variant, result)?;
            let case = Case {
                number: exercise.number.to_string(),
                id: exercise.manifest.id.clone(),
                variant: variant.to_string(),
                holds: finding.is_ok(),
                detail: finding.unwrap_or_else(|why| why),
                seconds,
            };
            report(&case);
            cases.push(case);
        }
    }
    Ok(cases)
}

/// A version of an exercise, and the tests by which it is judged.
struct Variant<'a> {
    kind: Kind<'a>,
    tree: SourceTree,
    tests: Vec<Test>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Solution,
    Stub,
    Decoy(&'a Decoy),
}

impl fmt::Display for Variant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Solution => f.write_str("solution"),
            Kind::Stub => f.write_str("stub"),
            Kind::Decoy(decoy) => write!(f, "decoy {}", decoy.name),
        }
    }
}

/// Judges the variants of one exercise.
struct Prover<'a> {
    exercise: &'a Exercise,
    variants: Vec<Variant<'a>>,
}

/// What was found: as declared, or what happened instead.
type Finding = Result<String, String>;

impl<'a> Prover<'a> {
    fn of(catalogue: &Catalogue, exercise: &'a Exercise, copy: &str) -> Result<Self> {
        let version = format!("proof-{copy}");
        let solution = SourceTree::solution(&catalogue.course, exercise)?.versioned(&version);
        let stub = solution.clone().overlaid(&exercise.folder.join("stub"))?;
        let all = &exercise.manifest.tests;
        let mut variants = vec![
            Variant { kind: Kind::Solution, tree: solution.clone(), tests: all.clone() },
            Variant { kind: Kind::Stub, tree: stub, tests: all.clone() },
        ];
        for decoy in &exercise.manifest.decoys {
            let tree = solution.clone().overlaid(&exercise.folder.join("decoys").join(&decoy.name))?;
            let tests = all.iter().filter(|test| test.name == decoy.fails).cloned().collect();
            variants.push(Variant { kind: Kind::Decoy(decoy), tree, tests });
        }
        Ok(Self { exercise, variants })
    }

    fn judge(&self, variant: &Variant, result: &CheckResult) -> Result<Finding> {
        match variant.kind {
            Kind::Solution => self.solution(result),
            Kind::Stub => self.stub(result),
            Kind::Decoy(decoy) => Ok(decoy_finding(decoy, result)),
        }
    }

    fn solution(&self, result: &CheckResult) -> Result<Finding> {
        if !result.is_success(self.exercise) {
            return Ok(Err(report::words(self.exercise, result)?));
        }
        let [solution, stub, ..] = &self.variants[..] else { unreachable!("the first two variants") };
        let edited = self.exercise.manifest.edit.iter();
        let lines: usize = edited.map(|path| lines_to_write(&solution.tree, &stub.tree, path)).sum();
        let detail = format!("{lines} lines to write");
        Ok(if LINES.contains(&lines) { Ok(detail) } else { Err(format!("{detail}; expected {LINES:?}")) })
    }

    fn stub(&self, result: &CheckResult) -> Result<Finding> {
        let words = report::words(self.exercise, result)?;
        let CheckResult::Tested(outcomes) = result else { return Ok(Err(words)) };
        for (Expectation { test, bug }, outcome) in self.exercise.manifest.expectations().zip(outcomes) {
            let as_declared = match (bug, &test.first, &outcome.verdict) {
                (None, None, Verdict::Passed) | (Some(_), _, Verdict::Skipped) => true,
                (None, Some(first), Verdict::Failed { message }) => message.contains(first),
                _ => false,
            };
            if !as_declared {
                let declared = test
                    .first
                    .as_ref()
                    .map_or("to pass".to_owned(), |first| format!("to fail with {first:?}"));
                return Ok(Err(format!("{} is declared {declared}; it is {:?}", test.name, outcome.verdict)));
            }
        }
        Ok(is_shown_in(&self.exercise.task()?, &words))
    }
}

fn decoy_finding(decoy: &Decoy, result: &CheckResult) -> Finding {
    let Decoy { fails, misses, .. } = decoy;
    let outcomes = match result {
        CheckResult::Tested(outcomes) => outcomes,
        CheckResult::DoesNotCompile(errors) => {
            return Err(format!("it does not compile:\n{}", errors.concat()));
        }
    };
    let declared = outcomes.iter().find(|outcome| outcome.bug == *misses);
    match declared.map(|outcome| &outcome.verdict) {
        Some(Verdict::Failed { .. } | Verdict::TimedOut { .. }) => Ok("rejected".to_owned()),
        other => {
            let place = misses.as_ref().map_or(String::new(), |bug| format!(" to detect {bug}"));
            Err(format!("{fails} is declared to fail{place}; it is {other:?}"))
        }
    }
}

/// How many lines of the solution are not in the stub.
fn lines_to_write(solution: &SourceTree, stub: &SourceTree, path: &str) -> usize {
    let text = |tree: &SourceTree| tree.text(path).unwrap_or_default().to_owned();
    let (stub, solution) = (text(stub), text(solution));
    let diff = TextDiff::from_lines(&stub, &solution);
    diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert).count()
}

/// Whether a README shows what is printed for the stub, in the `text` fence that starts with the exercise's number. `…` stands
/// for omitted lines.
fn is_shown_in(readme: &str, printed: &str) -> Finding {
    let number = printed.split(' ').next().unwrap_or_default();
    let mut fences = readme.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let Some(fence) = fences.find(|fence| fence.split(' ').next() == Some(number)) else {
        return Err(format!(
            "README.md does not show the first output; add it in a ```text fence:\n{printed}"
        ));
    };
    let mut lines = printed.lines().map(str::trim);
    for shown in fence.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…") {
        if !lines.any(|line| line == shown) {
            return Err(format!("README.md shows `{shown}`, but the output is:\n{printed}"));
        }
    }
    Ok("fails as declared".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_shows_the_output_in_order_and_may_omit_lines() {
        let printed = "1.1 Sell: 0 of 2 pass\n\n  FAILS   a\n  FAILS   b\n\nmore\n";
        let readme = |fence: &str| format!("# Sell\n\n```text\nfn sell()\n```\n\n```text\n{fence}```\n");
        assert!(is_shown_in(&readme("1.1 Sell: 0 of 2 pass\n\n…\n  FAILS   b\n"), printed).is_ok());
        assert!(is_shown_in(&readme("1.1 Sell: 0 of 3 pass\n"), printed).is_err());
        assert!(is_shown_in("# Sell\n", printed).is_err());
    }
}
