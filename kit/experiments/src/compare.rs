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
    baseline, experiment::Experiment, lab::Lab, machine::Machine, report::Report, spread::Spread, view::View,
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
    /// What `just compare` does: about three minutes for a stage and a run.
    pub fn full(runs: u32, seed: u64) -> Self {
        Self {
            runs,
            seed,
            browse: vec![500.0, 1500.0, 3000.0, 6000.0],
            checkout: vec![25.0, 100.0, 250.0, 500.0],
            experiments: ["kill-one", "login-storm", "flash-sale"].map(str::to_owned).to_vec(),
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

    /// Compiles the chapters and measures them in turn.
    ///
    /// # Errors
    /// A chapter is not there or does not compile; an experiment could not be made.
    pub async fn run(
        &self,
        course: &Course,
        chapters: &[u32],
        profile: Profile,
        limits: &Path,
        view: &View,
    ) -> Result<Comparison> {
        let (started, cores) = (Instant::now(), Cores::apart());
        let guard = std::env::current_exe()?;
        let mut labs = Vec::new();
        for number in chapters {
            view.line(&format!("compiling chapter {number}"));
            labs.push(
                Lab::prepare(
                    course,
                    course.chapter(*number)?,
                    &format!("compare-{number}"),
                    profile,
                    cores.clone(),
                    &guard,
                )
                .await?,
            );
        }
        let machine = Machine::look(&course.root, &cores, profile == Profile::Release);
        let mut baselines = Vec::new();
        let mut reports: Vec<Vec<Round>> = labs.iter().map(|_| Vec::new()).collect();
        for run in 1..=self.runs {
            view.line(&format!("run {run} of {}: the limits of the machine", self.runs));
            baselines.push(baseline::measure(course, limits, &cores).await?);
            for (lab, rounds) in labs.iter().zip(&mut reports) {
                view.line(&format!("run {run} of {}: chapter {}", self.runs, lab.chapter.manifest.number));
                rounds.push(self.round(course, lab, view).await?);
            }
        }
        Ok(Comparison {
            machine,
            seed: self.seed,
            runs: self.runs,
            took_s: started.elapsed().as_secs(),
            baseline: Spread::of_figures(baselines.iter()),
            stages: labs
                .iter()
                .zip(&reports)
                .filter_map(|(lab, rounds)| self.measured(lab, rounds))
                .collect(),
        })
    }

    /// Everything once, on one stage.
    async fn round(&self, course: &Course, lab: &Lab, view: &View) -> Result<Round> {
        let mut round = Round::default();
        for (mix, rates, reports) in [
            (Mix::Browse, &self.browse, &mut round.browse),
            (Mix::Checkout, &self.checkout, &mut round.checkout),
        ] {
            for rate in rates {
                view.line(&format!("{mix:?} at {rate} a second"));
                let quiet = View::quiet();
                let report = lab.run(&Experiment::step(mix, *rate), self.seed, &quiet).await;
                reports.push(report.with_context(|| format!("{mix:?} at {rate} a second"))?);
            }
        }
        for name in &self.experiments {
            view.line(name);
            let experiment = Experiment::find(&course.root, Some(&lab.chapter.folder), name)?;
            round
                .experiments
                .push(lab.run(&experiment, self.seed, view).await.with_context(|| name.clone())?);
        }
        Ok(round)
    }

    fn measured(&self, lab: &Lab, rounds: &[Round]) -> Option<Measured> {
        let steps = |rates: &[f64], of: fn(&Round) -> &Vec<Report>| {
            let step = |(place, rate): (usize, &f64)| {
                let reports: Vec<_> = rounds.iter().map(|round| &of(round)[place]).collect();
                let of = Repeated::of(&reports)?;
                Some(Step { rate: *rate, of })
            };
            rates.iter().enumerate().map(step).collect::<Option<Vec<_>>>()
        };
        let experiment = |(place, name): (usize, &String)| {
            let reports: Vec<_> = rounds.iter().map(|round| &round.experiments[place]).collect();
            Some((name.clone(), Repeated::of(&reports)?))
        };
        Some(Measured {
            chapter: lab.chapter.manifest.number,
            title: lab.chapter.manifest.title.clone(),
            browse: steps(&self.browse, |round| &round.browse)?,
            checkout: steps(&self.checkout, |round| &round.checkout)?,
            experiments: self.experiments.iter().enumerate().map(experiment).collect::<Option<_>>()?,
        })
    }
}

/// Everything once, on one stage.
#[derive(Debug, Default)]
struct Round {
    browse: Vec<Report>,
    checkout: Vec<Report>,
    experiments: Vec<Report>,
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
