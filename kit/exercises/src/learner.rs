//! The commands of a learner: start, check, watch, hint, reset, solution.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use chain::diff::Difference;
use exercises::{
    Catalogue, Exercise, NotPossible,
    check::{CheckResult, Checker},
    exercise::HINTS,
    list::List,
    progress::Progress,
    report::{self, Document},
    workspace::{Comparison, Workspace},
};
use jiff::Timestamp;
use stage::Guard;

use crate::{print, say};

/// After this time without output, a check says that it is still running.
const NOTICE_AFTER: Duration = Duration::from_secs(10);
/// How often `watch` looks for changed files.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// The commands, with what they share.
pub(crate) struct Learner<'a> {
    catalogue: &'a Catalogue,
    checker: Checker<'a>,
    progress: Progress,
}

impl<'a> Learner<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, guard: &'a Guard) -> Result<Self> {
        let progress = Progress::read(catalogue)?;
        Ok(Self { catalogue, checker: Checker::new(catalogue, guard), progress })
    }

    /// The exercise that was named or, if none was, the one that was started last.
    fn wanted(&self, named: Option<&str>, command: &'static str) -> Result<&'a Exercise, NotPossible> {
        let wanted = named.or(self.progress.latest()).ok_or(NotPossible::NoneStarted { command })?;
        self.catalogue.find(wanted)
    }

    pub(crate) fn start(&mut self, named: &str) -> Result<ExitCode> {
        let exercise = self.catalogue.find(named)?;
        let workspace = Workspace::of(self.catalogue, exercise);
        if workspace.exists() {
            workspace.open()?;
            let number = exercise.number;
            print(&format!(
                "work/{number} exists already: continue in it, or begin again with `just reset {number}`.\n"
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        self.create(exercise)
    }

    pub(crate) fn reset(&mut self, named: &str) -> Result<ExitCode> {
        let exercise = self.catalogue.find(named)?;
        self.create(exercise)
    }

    fn create(&mut self, exercise: &Exercise) -> Result<ExitCode> {
        let aside = Workspace::of(self.catalogue, exercise).create()?;
        self.progress.change(&exercise.manifest.id, |done| {
            done.started_at = Some(Timestamp::now());
            done.tests_passed = 0;
        })?;
        if let Some(aside) = aside {
            print(&format!("Your earlier work is now in {}.\n\n", from_root(self.catalogue, &aside)))?;
        }
        let Exercise { number, manifest, .. } = exercise;
        let files: Vec<_> = manifest.edit.iter().map(|path| format!("  work/{number}/{path}\n")).collect();
        print(&format!(
            "{number} {}, {} minutes\n\n  work/{number}/README.md  the task\n{}\nThen: just check {number}, and if you are stuck: just hint {number}\n",
            manifest.title,
            manifest.minutes,
            files.concat()
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    pub(crate) async fn check(&mut self, named: Option<&str>, json: bool) -> Result<ExitCode> {
        let exercise = self.wanted(named, "check")?;
        let result = self.run_check(exercise).await?;
        if json {
            print(&format!("{}\n", serde_json::to_string_pretty(&Document::of(exercise, &result))?))?;
        } else {
            print(&report::words(exercise, &result)?)?;
            print(&self.what_next(exercise, &result))?;
        }
        Ok(if result.is_success(exercise) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn run_check(&mut self, exercise: &'a Exercise) -> Result<CheckResult> {
        let workspace = self.restore(exercise)?;
        self.check_restored(exercise, &workspace).await
    }

    /// Opens the work folder, and restores in it what belongs to the exercise.
    fn restore(&self, exercise: &'a Exercise) -> Result<Workspace<'a>> {
        let workspace = Workspace::of(self.catalogue, exercise);
        workspace.open()?;
        for restored in workspace.restore()? {
            say(&report::restored(&restored));
        }
        Ok(workspace)
    }

    async fn check_restored(
        &mut self,
        exercise: &Exercise,
        workspace: &Workspace<'_>,
    ) -> Result<CheckResult> {
        let mut checking = Box::pin(check_workspace(&self.checker, exercise, workspace));
        let result = if let Ok(checked) = tokio::time::timeout(NOTICE_AFTER, &mut checking).await {
            checked?
        } else {
            say("still compiling or testing; the first check of a chapter compiles for some minutes");
            checking.await?
        };
        let is_success = result.is_success(exercise);
        self.progress.change(&exercise.manifest.id, |done| {
            done.checks += 1;
            done.tests_passed = result.passed(exercise).0;
            done.passed_at = done.passed_at.or(is_success.then(Timestamp::now));
        })?;
        Ok(result)
    }

    fn what_next(&self, exercise: &Exercise, result: &CheckResult) -> String {
        if !result.is_success(exercise) {
            return String::new();
        }
        let next = List::of(self.catalogue, &self.progress, None).next_steps();
        format!(
            "\nIt passes. To compare it with the course's solution: just solution {}\n{next}\n",
            exercise.number
        )
    }

    pub(crate) async fn watch(&mut self, named: Option<&str>) -> Result<ExitCode> {
        let exercise = self.wanted(named, "watch")?;
        loop {
            let workspace = self.restore(exercise)?;
            let seen = workspace.state(); // before the check, because a file may be saved while it runs
            let result = self.check_restored(exercise, &workspace).await?;
            print(&format!("\n{}", report::words(exercise, &result)?))?;
            print(&self.what_next(exercise, &result))?;
            say("watching for changes; Ctrl-C ends it");
            while workspace.state() == seen {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    pub(crate) fn hint(&mut self, named: Option<&str>, wanted: Option<usize>) -> Result<ExitCode> {
        let exercise = self.wanted(named, "hint")?;
        let id = &exercise.manifest.id;
        let number = wanted.unwrap_or_else(|| HINTS.min(self.progress.of(id).hints + 1));
        print(&format!(
            "{} {}, hint {number} of {HINTS}\n\n{}\n",
            exercise.number,
            exercise.manifest.title,
            exercise.hint(number)?
        ))?;
        self.progress.change(id, |done| done.hints = done.hints.max(number))?;
        Ok(ExitCode::SUCCESS)
    }

    pub(crate) fn solution(&mut self, named: Option<&str>, yes: bool) -> Result<ExitCode> {
        let exercise = self.wanted(named, "solution")?;
        let done = self.progress.of(&exercise.manifest.id);
        if !yes && done.passed_at.is_none() && !confirms(exercise, done.tests_passed)? {
            return Ok(ExitCode::SUCCESS);
        }
        let mut is_explained = false;
        for Comparison { path, solution, current } in Workspace::of(self.catalogue, exercise).compare()? {
            let difference = Difference::of_file(&path, current, solution);
            if difference.is_edited() {
                if !is_explained {
                    print("Lines with - are yours, lines with + are the solution.\n\n")?;
                    is_explained = true;
                }
                print(&format!("{difference}"))?;
            } else {
                print(&format!("{path}: identical to the solution\n"))?;
            }
        }
        self.progress.change(&exercise.manifest.id, |done| done.solution_read |= done.passed_at.is_none())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Checks in the work folder; or in a scratch folder, where the learner's test is run on the stage and on each bug.
async fn check_workspace(
    checker: &Checker<'_>,
    exercise: &Exercise,
    workspace: &Workspace<'_>,
) -> Result<CheckResult> {
    let tests = &exercise.manifest.tests;
    if exercise.manifest.bugs.is_empty() {
        return checker.check_folder(exercise, tests, &workspace.folder).await;
    }
    let mut results =
        checker.check_trees(exercise, tests, &[workspace.submission()?], &workspace.scratch()).await?;
    Ok(results.remove(0))
}

fn confirms(exercise: &Exercise, passed: usize) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(NotPossible::NoTerminal.into());
    }
    let all = exercise.manifest.expectations().count();
    let question = format!("{} passes {passed} of {all}. Show the solution? [y/N] ", exercise.number);
    io::stderr().write_all(question.as_bytes())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn from_root(catalogue: &Catalogue, path: &Path) -> String {
    path.strip_prefix(&catalogue.course.root).unwrap_or(path).display().to_string()
}
