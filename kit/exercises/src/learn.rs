//! Commands for who does an exercise.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
use chain::diff::Difference;
use exercises::{
    Catalogue, Exercise, Impossible,
    check::{Judge, Judgement},
    desk::Desk,
    exercise::HINTS,
    list::List,
    progress::Progress,
    report::{self, Document},
};
use jiff::Timestamp;
use stage::Guard;

use crate::{print, say};

/// After that a learner is told that something is going on.
const LONG: Duration = Duration::from_secs(10);
/// How often `watch` looks whether a file has changed.
const GLANCE: Duration = Duration::from_millis(300);

/// Who does exercises here.
pub(crate) struct Learner<'a> {
    catalogue: &'a Catalogue,
    judge: Judge<'a>,
    progress: Progress,
}

impl<'a> Learner<'a> {
    pub(crate) fn new(catalogue: &'a Catalogue, guard: &'a Guard) -> Result<Self> {
        let progress = Progress::read(&catalogue.desk())?;
        Ok(Self { catalogue, judge: Judge::new(catalogue, guard), progress })
    }

    /// The exercise that was named or, where none was, the one that was started last.
    fn wanted(&self, named: Option<&str>, command: &'static str) -> Result<&'a Exercise, Impossible> {
        let wanted = named.or(self.progress.latest()).ok_or(Impossible::NoneStarted { command })?;
        self.catalogue.find(wanted)
    }

    pub(crate) fn start(&mut self, named: &str) -> Result<ExitCode> {
        let exercise = self.catalogue.find(named)?;
        let desk = Desk::of(self.catalogue, exercise);
        if desk.is_there() {
            desk.open()?;
            let number = exercise.number;
            print(&format!(
                "work/{number} is there already: go on in it, or begin anew with `just reset {number}`.\n"
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        self.lay_out(exercise)
    }

    pub(crate) fn reset(&mut self, named: &str) -> Result<ExitCode> {
        let exercise = self.catalogue.find(named)?;
        self.lay_out(exercise)
    }

    fn lay_out(&mut self, exercise: &Exercise) -> Result<ExitCode> {
        let aside = Desk::of(self.catalogue, exercise).lay_out()?;
        self.progress.change(&exercise.manifest.id, |done| {
            done.started_at = Some(Timestamp::now());
            done.tests_passed = 0;
        })?;
        if let Some(aside) = aside {
            print(&format!("What you had is in {} now.\n\n", from_root(self.catalogue, &aside)))?;
        }
        let Exercise { number, manifest, .. } = exercise;
        let files: Vec<_> = manifest.edit.iter().map(|path| format!("  work/{number}/{path}\n")).collect();
        print(&format!(
            "{number} {}, {} minutes\n\n  work/{number}/README.md  the task\n{}\nThen: just check {number}, and when you are stuck: just hint {number}\n",
            manifest.title,
            manifest.minutes,
            files.concat()
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    pub(crate) async fn check(&mut self, named: Option<&str>, json: bool) -> Result<ExitCode> {
        let exercise = self.wanted(named, "check")?;
        let judgement = self.judge(exercise).await?;
        if json {
            print(&format!("{}\n", serde_json::to_string_pretty(&Document::of(exercise, &judgement))?))?;
        } else {
            print(&report::words(exercise, &judgement)?)?;
            print(&self.what_next(exercise, &judgement))?;
        }
        Ok(if judgement.is_good(exercise) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn judge(&mut self, exercise: &Exercise) -> Result<Judgement> {
        let desk = Desk::of(self.catalogue, exercise);
        desk.open()?;
        for put_back in desk.put_back()? {
            say(&report::put_back(&put_back));
        }
        let mut judging = Box::pin(self.judge.judge(exercise, &desk.folder));
        let judgement = if let Ok(judged) = tokio::time::timeout(LONG, &mut judging).await {
            judged?
        } else {
            say("still compiling or testing; the first time, a chapter takes some minutes to compile");
            judging.await?
        };
        let good = judgement.is_good(exercise);
        self.progress.change(&exercise.manifest.id, |done| {
            done.checks += 1;
            done.tests_passed = judgement.passed(exercise).0;
            done.passed_at = done.passed_at.or(good.then(Timestamp::now));
        })?;
        Ok(judgement)
    }

    fn what_next(&self, exercise: &Exercise, judgement: &Judgement) -> String {
        if !judgement.is_good(exercise) {
            return String::new();
        }
        let list = List::of(self.catalogue, &self.progress, None);
        let next = list.next();
        let next = next
            .map_or("That was the last one.".to_owned(), |next| format!("Next: just start {}", next.number));
        format!("\nIt passes. How the shop does it: just solution {}. {next}\n", exercise.number)
    }

    pub(crate) async fn watch(&mut self, named: Option<&str>) -> Result<ExitCode> {
        let exercise = self.wanted(named, "watch")?;
        loop {
            let desk = Desk::of(self.catalogue, exercise);
            let judgement = self.judge(exercise).await?;
            let seen = desk.changed_at();
            print(&format!("\n{}", report::words(exercise, &judgement)?))?;
            print(&self.what_next(exercise, &judgement))?;
            say("watching; Ctrl-C ends it");
            while desk.changed_at() == seen {
                tokio::time::sleep(GLANCE).await;
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
        if !yes && done.passed_at.is_none() && !agrees(exercise, done.tests_passed)? {
            return Ok(ExitCode::SUCCESS);
        }
        let mut is_explained = false;
        for (path, solution, theirs) in Desk::of(self.catalogue, exercise).solution()? {
            let difference = Difference::of_file(&path, theirs, solution);
            if difference.is_edited() {
                if !is_explained {
                    print("- is what you have, + is what the stage has\n\n")?;
                    is_explained = true;
                }
                print(&format!("{difference}"))?;
            } else {
                print(&format!("{path}: yours is the stage's own, to the byte\n"))?;
            }
        }
        self.progress.change(&exercise.manifest.id, |done| done.solution_read |= done.passed_at.is_none())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn agrees(exercise: &Exercise, passed: usize) -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Impossible::NobodyToAsk.into());
    }
    let all = exercise.manifest.tests.len();
    let question = format!("{} passes {passed} of {all} tests. Show the solution? [y/N] ", exercise.number);
    io::stderr().write_all(question.as_bytes())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn from_root(catalogue: &Catalogue, path: &Path) -> String {
    path.strip_prefix(&catalogue.course.root).unwrap_or(path).display().to_string()
}
