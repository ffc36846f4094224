//! Several stages, the same done to each, several times in turn: a noisy minute hits all of them alike.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

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

/// What is done to each stage.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How often everything is done; a median needs three.
    pub runs: u32,
    /// Of everything.
    pub seed: u64,
    /// Rates at which products are browsed, a second.
    pub browse: Vec<f64>,
    /// Rates at which customers check out, a second.
    pub checkout: Vec<f64>,
    /// Names of experiments.
    pub experiments: Vec<String>,
}

/// All that came of it: the source of the page, its table and its charts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comparison {
    /// What it was measured on.
    pub machine: Machine,
    /// Visitors, choices and faults of every run follow from it.
    pub seed: u64,
    /// How often everything was done.
    pub runs: u32,
    /// How long all of it took, in seconds.
    pub took_s: u64,
    /// The limits of the machine, measured before each run.
    pub baseline: BTreeMap<String, Spread>,
    /// In the order of the chapters.
    pub stages: Vec<Measured>,
}

/// All that was measured of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Measured {
    pub chapter: u32,
    pub title: String,
    pub browse: Vec<Step>,
    pub checkout: Vec<Step>,
    pub experiments: BTreeMap<String, Repeated>,
}

/// One rate of a ladder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Visitors a second, as asked for.
    pub rate: f64,
    /// What came of it.
    pub of: Repeated,
}

/// One experiment, run several times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repeated {
    /// The median of each figure, and its spread.
    pub figures: BTreeMap<String, Spread>,
    /// Why runs had no times and rates, where they had none.
    pub refused: Vec<String>,
    /// Invariants that were broken in any of the runs.
    pub broken: Vec<String>,
    /// Expectations that were not met in any of the runs.
    pub unmet: Vec<String>,
    /// The last run, for what changes from second to second.
    pub last: Report,
}

impl Plan {
    /// What `just compare` does: three to four minutes for a stage and a run. The highest rates are more than a stage of
    /// several processes can do on one core: there the queue is what is measured.
    pub fn full(runs: u32, seed: u64) -> Self {
        Self {
            runs,
            seed,
            browse: vec![500.0, 2000.0, 6000.0],
            checkout: vec![25.0, 100.0, 200.0],
            experiments: ["kill-one", "login-storm", "flash-sale", "scale-out"].map(str::to_owned).to_vec(),
        }
    }

    /// Half a minute a stage and a run, to see whether everything works; its figures are not to be quoted.
    pub fn quick(seed: u64) -> Self {
        Self {
            runs: 1,
            seed,
            browse: vec![100.0, 400.0],
            checkout: vec![10.0, 40.0],
            experiments: vec!["smoke".to_owned()],
        }
    }

    /// Compiles the chapters and measures them in turn. What there is after each run is given to `keep`.
    ///
    /// # Errors
    /// A chapter is not there or does not compile; an experiment could not be made; `keep` failed.
    pub async fn run(
        &self,
        course: &Course,
        chapters: &[u32],
        profile: Profile,
        limits: &Path,
        view: &View,
        keep: impl Fn(&Comparison) -> Result<()>,
    ) -> Result<Comparison> {
        let (started, cores) = (Instant::now(), Cores::apart());
        let mut subjects = Vec::new();
        for number in chapters {
            view.line(&format!("compiling chapter {number}"));
            subjects.push(Subject::prepare(course, *number, &self.experiments, profile, &cores).await?);
        }
        let mut comparison = Comparison {
            machine: Machine::look(&course.root, &cores, profile == Profile::Release),
            seed: self.seed,
            runs: 0,
            took_s: 0,
            baseline: BTreeMap::new(),
            stages: Vec::new(),
        };
        let mut baselines = Vec::new();
        for run in 1..=self.runs {
            view.line(&format!("run {run} of {}: the limits of the machine", self.runs));
            baselines.push(baseline::measure(course, limits, &cores).await?);
            for subject in &mut subjects {
                view.line(&format!("run {run} of {}: chapter {}", self.runs, subject.number()));
                let round = self.round(subject, view).await?;
                subject.rounds.push(round);
            }
            comparison.runs = run;
            comparison.took_s = started.elapsed().as_secs();
            comparison.baseline = Spread::of_figures(baselines.iter());
            comparison.stages = subjects.iter().filter_map(|subject| self.measured(subject)).collect();
            keep(&comparison)?;
        }
        Ok(comparison)
    }

    /// Everything once, on one stage.
    async fn round(&self, subject: &Subject, view: &View) -> Result<Round> {
        let (mut round, steady) = (Round::default(), Scale::new());
        for (mix, rates, reports) in [
            (Mix::Browse, &self.browse, &mut round.browse),
            (Mix::Checkout, &self.checkout, &mut round.checkout),
        ] {
            for rate in rates {
                view.line(&format!("{mix:?} at {rate} a second"));
                let (step, quiet) = (Experiment::step(mix, *rate), View::quiet());
                let report = subject.lab.run(&step, &steady, self.seed, &quiet).await;
                reports.push(report.with_context(|| format!("{mix:?} at {rate} a second"))?);
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

    fn measured(&self, subject: &Subject) -> Option<Measured> {
        let rounds = &subject.rounds;
        let steps = |rates: &[f64], of: fn(&Round) -> &Vec<Report>| {
            let step = |(place, rate): (usize, &f64)| {
                let reports: Vec<_> = rounds.iter().map(|round| &of(round)[place]).collect();
                let of = Repeated::of(&reports)?;
                Some(Step { rate: *rate, of })
            };
            rates.iter().enumerate().map(step).collect::<Option<Vec<_>>>()
        };
        let experiment = |name: &String| {
            let reports: Vec<_> = rounds.iter().filter_map(|round| round.experiments.get(name)).collect();
            Some((name.clone(), Repeated::of(&reports)?))
        };
        Some(Measured {
            chapter: subject.number(),
            title: subject.lab.chapter.manifest.title.clone(),
            browse: steps(&self.browse, |round| &round.browse)?,
            checkout: steps(&self.checkout, |round| &round.checkout)?,
            experiments: rounds.first()?.experiments.keys().map(experiment).collect::<Option<_>>()?,
        })
    }
}

/// A chapter, compiled as it is and as experiments change it, and what was measured of it so far.
struct Subject {
    lab: Lab,
    /// Each with the changed chapter that it runs on, where it changes it.
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

/// Everything once, on one stage.
#[derive(Debug, Default)]
struct Round {
    browse: Vec<Report>,
    checkout: Vec<Report>,
    /// By their names with their scales.
    experiments: BTreeMap<String, Report>,
}

impl Repeated {
    /// Of the runs of one experiment on one stage. None of none.
    pub fn of(reports: &[&Report]) -> Option<Self> {
        let all = |of: fn(&Report) -> Vec<String>| {
            let mut all: Vec<_> = reports.iter().flat_map(|report| of(report)).collect();
            all.sort();
            all.dedup();
            all
        };
        Some(Self {
            figures: Spread::of_figures(reports.iter().map(|report| &report.figures)),
            refused: all(|report| report.refused.iter().cloned().collect()),
            broken: all(|report| report.audit.broken.keys().cloned().collect()),
            unmet: all(|report| {
                let unmet = report.expectations.iter().filter(|judged| !judged.met);
                unmet.map(|judged| judged.expected.clone()).collect()
            }),
            last: (*reports.last()?).clone(),
        })
    }

    /// The median of a figure, where it was measured.
    pub fn median(&self, figure: &str) -> Option<f64> {
        Some(self.figures.get(figure)?.median)
    }
}

impl Comparison {
    /// How long it took.
    pub fn took(&self) -> Duration {
        Duration::from_secs(self.took_s)
    }
}
