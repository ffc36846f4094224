//! Measures several stages in turn, several times each, so that a noisy minute affects all of them alike.

use std::{collections::BTreeMap, path::Path, time::Instant};

use anyhow::{Context, Result};
use load::{Mix, cores::Cores};
use serde::{Deserialize, Serialize};
use stage::{Course, Profile};

use crate::{
    baseline,
    experiment::{Experiment, Scale},
    lab::Lab,
    machine::Machine,
    overlay,
    report::Report,
    spread::Spread,
    view::View,
};

/// The measurements of each stage.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often everything is measured; a median needs three runs.
    pub runs: u32,
    /// The seed of every experiment.
    pub seed: u64,
    /// Rates at which visitors browse, per second.
    pub browse: Vec<f64>,
    /// Rates at which customers check out, per second.
    pub checkout: Vec<f64>,
    /// Names of experiments.
    pub experiments: Vec<String>,
}

/// All results: the source of the page, its table and its charts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comparison {
    /// What it was measured on.
    pub machine: Machine,
    /// The seed of every experiment.
    pub seed: u64,
    /// How often everything was measured.
    pub runs: u32,
    /// The duration of the comparison in seconds.
    pub took_s: u64,
    /// The limits of the machine, measured before each run.
    pub baseline: BTreeMap<String, Spread>,
    /// In the order of the chapters.
    pub stages: Vec<StageResults>,
}

/// All results of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct StageResults {
    pub chapter: u32,
    pub title: String,
    pub browse: Vec<Step>,
    pub checkout: Vec<Step>,
    pub experiments: BTreeMap<String, Repeated>,
}

/// One rate of a ladder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Visitors per second.
    pub rate: f64,
    /// Its results.
    pub results: Repeated,
}

/// One experiment, run several times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repeated {
    /// The median of each metric, and its spread.
    pub metrics: BTreeMap<String, Spread>,
    /// Why runs have no times and rates.
    pub invalid_timings: Vec<String>,
    /// Invariants that were broken in any of the runs.
    pub broken: Vec<String>,
    /// Expectations that were not met in any of the runs.
    pub unmet: Vec<String>,
    /// The last run, for its timeline.
    pub last: Report,
}

impl Plan {
    /// The plan of `just compare`: three to four minutes for a stage and a run. A stage of several processes cannot sustain
    /// the highest rates on one core, so there the chart shows how its queue grows.
    ///
    /// The log-in storm is not part of it. A comparison pins the stage to the cores that the load does not use, which on a
    /// machine with two cores is one: every chapter then hashes one password at a time, and a limit on hashing cannot show.
    pub fn full(runs: u32, seed: u64) -> Self {
        Self {
            runs,
            seed,
            browse: vec![500.0, 2000.0, 6000.0],
            checkout: vec![25.0, 100.0, 200.0],
            experiments: ["kill-one", "flash-sale", "scale-out"].map(str::to_owned).to_vec(),
        }
    }

    /// Half a minute for a stage and a run, to try whether everything works. Its results mean nothing.
    pub fn quick(seed: u64) -> Self {
        Self {
            runs: 1,
            seed,
            browse: vec![100.0, 400.0],
            checkout: vec![10.0, 40.0],
            experiments: vec!["smoke".to_owned()],
        }
    }

    /// Compiles the chapters and measures them in turn. `save` receives the results after each run.
    ///
    /// # Errors
    /// A chapter is not there or does not compile; an experiment could not be run; `save` failed.
    pub async fn run(
        &self,
        course: &Course,
        chapters: &[u32],
        profile: Profile,
        limits: &Path,
        view: &View,
        save: impl Fn(&Comparison) -> Result<()>,
    ) -> Result<Comparison> {
        let (started, cores) = (Instant::now(), Cores::separate());
        let mut subjects = Vec::new();
        for number in chapters {
            view.line(&format!("compiling chapter {number}; the first time takes several minutes"));
            subjects.push(Subject::prepare(course, *number, &self.experiments, profile, &cores).await?);
        }
        let mut comparison = Comparison {
            machine: Machine::inspect(&course.root, &cores, profile == Profile::Release),
            seed: self.seed,
            runs: 0,
            took_s: 0,
            baseline: BTreeMap::new(),
            stages: Vec::new(),
        };
        let mut baselines = Vec::new();
        for run in 1..=self.runs {
            view.line(&format!("run {run} of {}: measuring the limits of the machine", self.runs));
            baselines.push(baseline::measure(course, limits, &cores).await?);
            for subject in &mut subjects {
                view.line(&format!("run {run} of {}: measuring chapter {}", self.runs, subject.number()));
                let round = self.round(subject, view).await?;
                subject.rounds.push(round);
            }
            comparison.runs = run;
            comparison.took_s = started.elapsed().as_secs();
            comparison.baseline = Spread::of_metrics(baselines.iter());
            comparison.stages = subjects.iter().filter_map(|subject| self.results(subject)).collect();
            save(&comparison)?;
        }
        Ok(comparison)
    }

    /// One run of everything on one stage.
    async fn round(&self, subject: &Subject, view: &View) -> Result<Round> {
        let (mut round, steady) = (Round::default(), Scale::new());
        for (mix, rates, reports) in [
            (Mix::Browse, &self.browse, &mut round.browse),
            (Mix::Checkout, &self.checkout, &mut round.checkout),
        ] {
            for rate in rates {
                view.line(&format!("{mix:?} at {rate} visitors per second"));
                let (step, quiet) = (Experiment::step(mix, *rate), View::quiet());
                let report = subject.lab.run(&step, &steady, self.seed, &quiet).await;
                reports.push(report.with_context(|| format!("{mix:?} at {rate} visitors per second"))?);
            }
        }
        for (experiment, changed) in &subject.experiments {
            let lab = changed.as_ref().unwrap_or(&subject.lab);
            for scale in experiment.scales() {
                view.line(&experiment.name);
                let report = lab.run(experiment, &scale, self.seed, view).await;
                let report = report.with_context(|| experiment.name.clone())?;
                round.experiments.insert(report.name(), report);
            }
        }
        Ok(round)
    }

    fn results(&self, subject: &Subject) -> Option<StageResults> {
        let rounds = &subject.rounds;
        let steps = |rates: &[f64], of: fn(&Round) -> &Vec<Report>| {
            let step = |(place, rate): (usize, &f64)| {
                let reports: Vec<_> = rounds.iter().map(|round| &of(round)[place]).collect();
                Some(Step { rate: *rate, results: Repeated::of(&reports)? })
            };
            rates.iter().enumerate().map(step).collect::<Option<Vec<_>>>()
        };
        let experiment = |name: &String| {
            let reports: Vec<_> = rounds.iter().filter_map(|round| round.experiments.get(name)).collect();
            Some((name.clone(), Repeated::of(&reports)?))
        };
        Some(StageResults {
            chapter: subject.number(),
            title: subject.lab.chapter.manifest.title.clone(),
            browse: steps(&self.browse, |round| &round.browse)?,
            checkout: steps(&self.checkout, |round| &round.checkout)?,
            experiments: rounds.first()?.experiments.keys().map(experiment).collect::<Option<_>>()?,
        })
    }
}

/// A chapter, compiled as it is and as experiments change it, and its results so far.
struct Subject {
    lab: Lab,
    /// Each with the changed chapter that it runs on, if it changes the chapter.
    experiments: Vec<(Experiment, Option<Lab>)>,
    rounds: Vec<Round>,
}

impl Subject {
    async fn prepare(
        course: &Course,
        number: u32,
        experiments: &[String],
        profile: Profile,
        cores: &Cores,
    ) -> Result<Self> {
        let guard = std::env::current_exe()?;
        let name = format!("compare-{number}");
        let lab = async |chapter| Lab::prepare(course, chapter, &name, profile, cores.clone(), &guard).await;
        let chapter = course.chapter(number)?;
        let mut all = Vec::new();
        for name in experiments {
            let experiment = Experiment::find(&course.root, Some(&chapter.folder), name)?;
            let changed = overlay::chapter(course, number, &experiment)?;
            let is_changed = changed.folder != chapter.folder;
            all.push((experiment, if is_changed { Some(lab(changed).await?) } else { None }));
        }
        Ok(Self { lab: lab(chapter).await?, experiments: all, rounds: Vec::new() })
    }

    fn number(&self) -> u32 {
        self.lab.chapter.manifest.number
    }
}

/// One run of everything on one stage.
#[derive(Debug, Default)]
struct Round {
    browse: Vec<Report>,
    checkout: Vec<Report>,
    /// By name and scale.
    experiments: BTreeMap<String, Report>,
}

impl Repeated {
    /// Combines the runs of one experiment on one stage. None if there are no runs.
    pub fn of(reports: &[&Report]) -> Option<Self> {
        let all = |of: fn(&Report) -> Vec<String>| {
            let mut all: Vec<_> = reports.iter().flat_map(|report| of(report)).collect();
            all.sort();
            all.dedup();
            all
        };
        Some(Self {
            metrics: Spread::of_metrics(reports.iter().map(|report| &report.metrics)),
            invalid_timings: all(|report| report.invalid_timings.iter().cloned().collect()),
            broken: all(|report| report.audit.broken.keys().cloned().collect()),
            unmet: all(|report| {
                let unmet = report.expectations.iter().filter(|result| !result.met);
                unmet.map(|result| result.expected.clone()).collect()
            }),
            last: (*reports.last()?).clone(),
        })
    }

    /// The median of a metric. None if it was not measured.
    pub fn median(&self, metric: &str) -> Option<f64> {
        Some(self.metrics.get(metric)?.median)
    }
}
