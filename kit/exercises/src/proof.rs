//! Holds every exercise to what it declares: the stub compiles and fails as it says, the stage's own file passes, each
//! decoy is found out by its test.
//!
//! The variants of a chapter are written one after another into one copy of the stage, and only the files that differ, so
//! the stage is compiled once and then a crate of it again.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context, Result};
use chain::files::tracked;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::{
    catalogue::Catalogue,
    check::{Judge, Judgement},
    copy::Copy,
    exercise::{Decoy, Exercise, Test},
    report,
    run::Verdict,
};

/// How much there is to write, in lines of the solution that the stub does not have.
const LINES: std::ops::RangeInclusive<usize> = 1..=60;

/// One thing that was proved, or not.
#[derive(Debug, Serialize)]
pub struct Case {
    /// The exercise.
    pub number: String,
    /// Its id.
    pub id: String,
    /// `solution`, `stub` or `decoy NAME`.
    pub variant: String,
    /// Whether it does as declared.
    pub holds: bool,
    /// What it does instead, or for the solution how many lines there are to write.
    pub told: String,
    /// How long it took.
    pub seconds: f64,
}

/// Proves exercises, and tells each case as it is known.
///
/// # Errors
/// A file cannot be read or written, or Cargo not be run.
pub async fn prove(
    catalogue: &Catalogue,
    exercises: impl IntoIterator<Item = &Exercise>,
    judge: &Judge<'_>,
    mut tell: impl FnMut(&Case),
) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for exercise in exercises {
        let folder = catalogue.desk().join(format!(".proof/chapter-{}", exercise.number.chapter));
        let bench = Bench { exercise, judge, folder: &folder };
        let solution = Copy::solution(&catalogue.course, exercise)?.versioned("proof");
        let stub = exercise.folder.join("stub");
        let stub = solution.clone().overlaid(&stub)?;
        let mut case = |variant: String, since: Instant, found: Result<String, String>| {
            let holds = found.is_ok();
            let (number, id) = (exercise.number.to_string(), exercise.manifest.id.clone());
            let told = found.unwrap_or_else(|why| why);
            let case = Case { number, id, variant, holds, told, seconds: since.elapsed().as_secs_f64() };
            tell(&case);
            cases.push(case);
        };
        let since = Instant::now();
        case("solution".to_owned(), since, bench.solution(&solution, &stub).await?);
        let since = Instant::now();
        case("stub".to_owned(), since, bench.stub(&stub).await?);
        for decoy in &exercise.manifest.decoys {
            let since = Instant::now();
            let copy = solution.clone().overlaid(&exercise.folder.join("decoys").join(&decoy.name))?;
            case(format!("decoy {}", decoy.name), since, bench.decoy(&copy, decoy).await?);
        }
    }
    Ok(cases)
}

/// The copy in which an exercise is tried.
struct Bench<'a> {
    exercise: &'a Exercise,
    judge: &'a Judge<'a>,
    folder: &'a Path,
}

/// What was found: as declared, or otherwise.
type Found = Result<String, String>;

impl Bench<'_> {
    async fn judge(&self, copy: &Copy, tests: &[Test]) -> Result<Judgement> {
        clear(self.folder, copy)?;
        copy.write(self.folder)?;
        self.judge.judge_by(self.exercise, tests, self.folder).await
    }

    async fn solution(&self, solution: &Copy, stub: &Copy) -> Result<Found> {
        let judgement = self.judge(solution, &self.exercise.manifest.tests).await?;
        if !judgement.is_good(self.exercise) {
            return Ok(Err(report::words(self.exercise, &judgement)?));
        }
        let lines: usize =
            self.exercise.manifest.edit.iter().map(|path| to_write(solution, stub, path)).sum();
        let told = format!("{lines} lines to write");
        Ok(if LINES.contains(&lines) { Ok(told) } else { Err(format!("{told}; {LINES:?} are right")) })
    }

    async fn stub(&self, stub: &Copy) -> Result<Found> {
        let judgement = self.judge(stub, &self.exercise.manifest.tests).await?;
        let words = report::words(self.exercise, &judgement)?;
        let Judgement::Tested(tested) = &judgement else { return Ok(Err(words)) };
        for (test, tested) in self.exercise.manifest.tests.iter().zip(tested) {
            let as_declared = match (&test.first, &tested.verdict) {
                (None, Verdict::Passed) => true,
                (Some(first), Verdict::Failed { said }) => said.contains(first),
                _ => false,
            };
            if !as_declared {
                let declared = test
                    .first
                    .as_ref()
                    .map_or("to pass".to_owned(), |first| format!("to fail with {first:?}"));
                return Ok(Err(format!("{} is declared {declared}; it is {:?}", test.name, tested.verdict)));
            }
        }
        Ok(shown_in(&self.exercise.task()?, &words))
    }

    async fn decoy(&self, copy: &Copy, decoy: &Decoy) -> Result<Found> {
        let tests: Vec<_> =
            self.exercise.manifest.tests.iter().filter(|test| test.name == decoy.fails).cloned().collect();
        Ok(match self.judge(copy, &tests).await? {
            Judgement::DoesNotCompile(errors) => Err(format!("it does not compile:\n{}", errors.concat())),
            Judgement::Tested(tested) => match tested.first().map(|test| &test.verdict) {
                Some(Verdict::Failed { .. } | Verdict::Hung { .. }) => Ok("found out".to_owned()),
                other => Err(format!("{} is declared to fail; it is {other:?}", decoy.fails)),
            },
        })
    }
}

/// Removes what an earlier variant had and this one has not.
fn clear(folder: &Path, copy: &Copy) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in tracked(folder)? {
        if !copy.has(&path) {
            fs::remove_file(folder.join(&path)).with_context(|| format!("cannot remove {path}"))?;
        }
    }
    Ok(())
}

/// Lines of the solution that the stub does not have.
fn to_write(solution: &Copy, stub: &Copy, path: &str) -> usize {
    let text = |copy: &Copy| copy.text(path).unwrap_or_default().to_owned();
    let (stub, solution) = (text(stub), text(solution));
    let diff = TextDiff::from_lines(&stub, &solution);
    diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert).count()
}

/// Whether what a README shows as the first output, in its first `text` fence, is what is printed. `…` stands for lines.
fn shown_in(readme: &str, printed: &str) -> Found {
    let fence = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let Some(fence) = fence else {
        return Err(format!("README.md shows no first output; in a ```text fence:\n{printed}"));
    };
    let mut lines = printed.lines().map(str::trim);
    for shown in fence.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…") {
        if !lines.any(|line| line == shown) {
            return Err(format!("README.md shows `{shown}`, and what is printed is:\n{printed}"));
        }
    }
    Ok("fails as declared".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_shows_what_is_printed_with_parts_left_out_and_nothing_else() {
        let printed = "1.1 Sell: 0 of 2 pass\n\n  FAILS   a\n  FAILS   b\n\nmore\n";
        let readme = |fence: &str| format!("# Sell\n\n```sh\njust start\n```\n\n```text\n{fence}```\n");
        assert!(shown_in(&readme("1.1 Sell: 0 of 2 pass\n\n…\n  FAILS   b\n"), printed).is_ok());
        assert!(shown_in(&readme("1.1 Sell: 0 of 3 pass\n"), printed).is_err());
        assert!(shown_in("# Sell\n", printed).is_err());
    }
}
