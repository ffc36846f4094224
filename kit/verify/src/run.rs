//! Runs the steps whose inputs have changed since they last passed.
//!
//! There are two lanes: while a step of one lane compiles, a step of the other waits for the processes of a stage. Each step is a
//! process of its own, whose output goes to a log, so that the output of two steps is not mixed.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use stage::{Course, Guard, guard::ProcessGroup};
use tokio::process::Command;

use crate::{
    inputs::Inputs,
    step::{Lane, Part, Step},
};

/// How many lines of the log of a failed step are printed.
const LOG_TAIL: usize = 150;

/// Runs steps, and remembers which have passed.
pub struct Runner<'a> {
    course: &'a Course,
    inputs: Inputs,
    /// Runs steps even if they have passed already.
    force: bool,
    /// The logs, and for each step that has passed the digest of its inputs.
    folder: PathBuf,
    /// Ends the running steps if this process is killed.
    guard: Guard,
    /// A copy of this program, which runs the steps: one of the steps compiles this program and replaces the original.
    program: PathBuf,
}

/// What happened to a step.
#[derive(Debug)]
pub struct Outcome {
    /// The name of the step.
    pub name: String,
    /// The result.
    pub verdict: Verdict,
    /// How long it took.
    pub time: Duration,
    /// The cases that it consists of, if it reports them, with their seconds.
    pub cases: Vec<(String, f64)>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It passed before with the same inputs, so it was not run.
    Unchanged,
    /// It failed.
    Failed,
}

impl<'a> Runner<'a> {
    /// Reads the inputs of all steps.
    ///
    /// # Errors
    /// A file cannot be read, or the guard cannot be started.
    pub fn new(course: &'a Course, force: bool) -> Result<Self> {
        let null = File::options().write(true).open("/dev/null")?;
        let guard = Guard::spawn(&Guard::find_program()?, null)?;
        let folder = course.root.join("target").join("verified");
        fs::create_dir_all(&folder).context("cannot create the folder of the logs")?;
        let program = folder.join("verify");
        fs::remove_file(&program).ok(); // a file that is running cannot be overwritten
        fs::copy(std::env::current_exe()?, &program).context("cannot copy this program")?;
        Ok(Self { course, inputs: Inputs::read(course)?, force, folder, guard, program })
    }

    /// Runs steps. A step that fails does not stop the others.
    ///
    /// # Errors
    /// A step cannot be started, or a file cannot be written.
    pub async fn run(&self, steps: &[Step]) -> Result<Vec<Outcome>> {
        let lane = async |lane| {
            let mut outcomes = Vec::new();
            for step in steps.iter().filter(|step| step.lane() == lane) {
                outcomes.push(self.run_step(step).await?);
            }
            anyhow::Ok(outcomes)
        };
        let (compute, stage) = tokio::try_join!(lane(Lane::Compute), lane(Lane::Stage))?;
        self.guard.release();
        Ok(compute.into_iter().chain(stage).collect())
    }

    async fn run_step(&self, step: &Step) -> Result<Outcome> {
        let digest = self.inputs.digest(step);
        let passed = self.folder.join(step.slug());
        let name = step.name.clone();
        if !self.force && fs::read_to_string(&passed).is_ok_and(|before| before == digest) {
            say(&format!("== {name}: unchanged since it passed"));
            return Ok(Outcome {
                name,
                verdict: Verdict::Unchanged,
                time: Duration::ZERO,
                cases: Vec::new(),
            });
        }
        say(&format!("== {name}"));
        let start = Instant::now();
        let log = passed.with_extension("log");
        let success = self.spawn(step, &log).await?;
        let time = start.elapsed();
        let text = fs::read_to_string(&log).unwrap_or_default();
        if success {
            say(&format!("== {name}: ok, {:.1} s", time.as_secs_f64()));
            // A file that was edited in the meantime may not have been seen by the step.
            if Inputs::read(self.course)?.digest(step) == digest {
                fs::write(&passed, digest)?;
            }
        } else {
            fs::remove_file(&passed).ok();
            let lines: Vec<_> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
            say(&format!(
                "{tail}\n== {name}: FAILED, {:.1} s; the log is {}",
                time.as_secs_f64(),
                log.display()
            ));
        }
        let verdict = if success { Verdict::Passed } else { Verdict::Failed };
        Ok(Outcome { name, verdict, time, cases: cases(&text) })
    }

    async fn spawn(&self, step: &Step, log: &PathBuf) -> Result<bool> {
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(["step", &step.name]).current_dir(&self.course.root).process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut child = command.spawn().context("cannot start a step")?;
        let _group = ProcessGroup::watched(child.id(), &self.guard);
        Ok(child.wait().await?.success())
    }
}

/// The cases that a step has reported: a verdict, the seconds and a name in each line.
fn cases(log: &str) -> Vec<(String, f64)> {
    let case = |line: &str| {
        let rest =
            line.trim_start().strip_prefix("ok ").or_else(|| line.trim_start().strip_prefix("FAILED "))?;
        let (seconds, name) = rest.trim_start().split_once(" s  ")?;
        Some((name.split(": ").next()?.to_owned(), seconds.parse().ok()?))
    };
    log.lines().filter_map(case).collect()
}

/// One of several machines that share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// The steps of this shard. Every step is in exactly one of the shards, and the steps of a part are in the same one.
    pub fn select(self, steps: Vec<Step>) -> Vec<Step> {
        let mut parts: Vec<_> = steps.iter().map(|step| step.part).collect();
        parts.sort_by_key(|part| (std::cmp::Reverse(minutes(*part)), *part));
        parts.dedup();
        let mut loads = vec![0; self.of];
        let mut own = Vec::new();
        for part in parts {
            let least = (0..self.of).min_by_key(|shard| loads[*shard]).unwrap_or_default();
            loads[least] += minutes(part);
            if least + 1 == self.number {
                own.push(part);
            }
        }
        steps.into_iter().filter(|step| own.contains(&step.part)).collect()
    }
}

/// How long a part takes on two cores, for balancing the shards only.
fn minutes(part: Part) -> u32 {
    match part {
        Part::Chain => 1,
        Part::Book => 2,
        Part::Mutants(_) | Part::Chapter(_) | Part::Exercises(_) => 4,
        Part::Kit => 6,
    }
}

/// The table of the steps that were run, and the totals. With `with_cases`, each step is followed by its cases.
pub fn summary(outcomes: &[Outcome], with_cases: bool, elapsed: Duration, busy: Option<f64>) -> String {
    let mut text = String::from("\n");
    for Outcome { name, verdict, time, cases } in outcomes {
        let verdict = match verdict {
            Verdict::Passed => "ok",
            Verdict::Unchanged => "unchanged",
            Verdict::Failed => "FAILED",
        };
        writeln!(text, "  {verdict:<9}  {:>7.1} s  {name}", time.as_secs_f64()).ok();
        for (case, seconds) in cases.iter().filter(|_| with_cases) {
            writeln!(text, "             {seconds:>7.1} s      {case}").ok();
        }
    }
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let (passed, unchanged, failed) =
        (count(Verdict::Passed), count(Verdict::Unchanged), count(Verdict::Failed));
    let busy = busy.map_or(String::new(), |busy| format!(", with {:.0} % of the cores in use", busy * 100.0));
    writeln!(text, "\n{} steps in {:.0} s{busy}", outcomes.len(), elapsed.as_secs_f64()).ok();
    writeln!(text, "{passed} passed, {failed} failed, {unchanged} skipped").ok();
    text
}

/// The time that the cores were busy and idle since the machine started, in seconds. None if the system reports none.
pub fn core_seconds() -> Option<[f64; 2]> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?; // idle, and idle while a disk works
    let all: f64 = ticks.iter().take(8).sum(); // without the time of guests, which the others include
    Some([(all - idle) / TICKS_PER_SECOND, idle / TICKS_PER_SECOND])
}

/// Prints a line of progress.
fn say(line: &str) {
    writeln!(anstream::stderr(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        let course = Course::find(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        crate::step::all(&course).unwrap()
    }

    #[test]
    fn every_step_is_in_exactly_one_shard() {
        for of in 1..8 {
            let mut names: Vec<_> = (1..=of)
                .flat_map(|number| Shard { number, of }.select(steps()))
                .map(|step| step.name)
                .collect();
            names.sort();
            let mut all: Vec<_> = steps().into_iter().map(|step| step.name).collect();
            all.sort();
            assert_eq!(names, all, "of {of}");
        }
    }

    #[test]
    fn the_cases_of_a_step_are_read_from_its_log() {
        let log = "compiling\n  ok       5.3 s  1.1 stub: fails as declared\n  FAILED  12.0 s  1.1 decoy a: it passed\n";
        assert_eq!(cases(log), [("1.1 stub".to_owned(), 5.3), ("1.1 decoy a".to_owned(), 12.0)]);
    }
}
