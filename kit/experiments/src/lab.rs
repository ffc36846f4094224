//! Starts a stage of its own and runs an experiment on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use audit::Journal;
use load::{
    Kind, Load, Market, Outcome, Patience, Running,
    cores::{self, Cores},
    settled::{self, Settled},
};
use shop_client::Shop;
use stage::{Chapter, Course, Options, Profile, Programs, RunFolder, Stage, Status};

use crate::{
    experiment::{Experiment, Scale},
    faults::{self, Done},
    figures::{self, ORDERS, Sources, quantile},
    machine::Machine,
    report::{AuditRow, FaultRow, KindRow, Report},
    usage::Usage,
    view::View,
};

/// A chapter, compiled, on which any number of experiments can be run; each gets a stage of its own with new data.
#[derive(Debug)]
pub struct Lab {
    root: PathBuf,
    /// The chapter.
    pub chapter: Chapter,
    programs: Programs,
    profile: Profile,
    cores: Cores,
    run_dir: PathBuf,
    guard: PathBuf,
}

/// Everything that was seen of one run.
struct Observed {
    outcome: Outcome,
    settled: Settled,
    faults: Vec<Done>,
    usage: Usage,
    journal: Journal,
    audit: audit::Report,
    sold: Option<u64>,
}

impl Lab {
    /// Compiles a chapter. Its stages run in the folder `name` of the lab's; `guard` is the program that ends their
    /// processes if this one is killed.
    ///
    /// # Errors
    /// There is no such chapter, or it does not compile, or its run folder is taken.
    pub async fn prepare(
        course: &Course,
        chapter: Chapter,
        name: &str,
        profile: Profile,
        cores: Cores,
        guard: &Path,
    ) -> Result<Self> {
        let number = chapter.manifest.number;
        let run_dir = course.run_dir().join("lab").join(name);
        let run = RunFolder::claim(&run_dir, number, guard).await?;
        let programs = Programs::build(course, &chapter, profile, &run).await?;
        Ok(Self {
            root: course.root.clone(),
            chapter,
            programs,
            profile,
            cores,
            run_dir,
            guard: guard.to_owned(),
        })
    }

    /// Runs an experiment on a new stage, which is ended with it.
    ///
    /// # Errors
    /// The experiment could not be made. A shop that breaks its promises is no error: see [`Report::is_good`].
    pub async fn run(
        &self,
        experiment: &Experiment,
        scale: &Scale,
        seed: u64,
        view: &View,
    ) -> Result<Report> {
        let stage = self.start(experiment, scale).await?;
        let status = stage.status();
        let observed = self.experiment(&stage, &status, experiment, seed, view).await;
        stage.stop().await;
        Ok(self.report(experiment, scale, seed, &observed?))
    }

    async fn start(&self, experiment: &Experiment, scale: &Scale) -> Result<Stage> {
        let settings = [("TOKEN_TTL", "4h"), ("ORDER_TTL", "4h")]; // what expires on the way would be measured too
        let mut settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        settings.extend(experiment.settings.clone());
        let links = experiment.needs_links();
        let scale = self.instances(scale);
        let options =
            Options { profile: self.profile, settings, scale, fault_proxies: links, ..Options::default() };
        let run = RunFolder::claim(&self.run_dir, self.chapter.manifest.number, &self.guard).await?;
        cores::stay_on(&self.cores.stage); // what this thread starts stays there too
        let stage = Stage::start(&self.chapter, &self.programs, run, options).await;
        cores::stay_on(&self.cores.load);
        Ok(stage?)
    }

    /// By service of this chapter.
    fn instances(&self, scale: &Scale) -> BTreeMap<String, u16> {
        let mut instances = BTreeMap::new();
        for (duty, count) in scale {
            if let Some(service) = duty.in_manifest(&self.chapter.manifest) {
                let there = instances.entry(service.to_owned()).or_insert(*count);
                *there = (*there).max(*count);
            }
        }
        instances
    }

    async fn experiment(
        &self,
        stage: &Stage,
        status: &Status,
        experiment: &Experiment,
        seed: u64,
        view: &View,
    ) -> Result<Observed> {
        let market = Market::open(status, experiment.stock.into()).await?;
        let patience = Patience::default();
        let question = experiment.patience.map_or(patience.question, |time| time.0);
        let load = Load {
            streams: experiment.streams(),
            warm_up: experiment.warm_up.0,
            lasts: experiment.lasts.0,
            seed,
            patience: Patience { question, ..patience },
            cores: self.cores.load.clone(),
        };
        let running = load.start(status, &market)?;
        let mut usage = Usage::default();
        let (outcome, faults) = tokio::select! {
            ended = self.through(stage, running, experiment, seed, view) => ended?,
            () = usage.watch(stage) => unreachable!("it is watched until the load is over"),
        };
        let journal = market.journal();
        let audit = audit::audit(status, Some(journal.clone())).await.context("cannot audit")?;
        let settled = settled::read(status, &outcome.record).await?;
        let sold = sold(status, &market).await.ok();
        Ok(Observed { outcome, settled, faults, usage, journal, audit, sold })
    }

    /// Load, faults and view, to the end of all of them.
    async fn through(
        &self,
        stage: &Stage,
        load: Running,
        experiment: &Experiment,
        seed: u64,
        view: &View,
    ) -> Result<(Outcome, Vec<Done>)> {
        let lasts = experiment.warm_up.0 + experiment.lasts.0;
        let faults = faults::inflict(stage, &load, experiment, seed, &self.cores, view);
        let (faults, ()) = tokio::join!(faults, view.follow(&load, lasts));
        Ok((load.finish().await?, faults?))
    }

    fn report(&self, experiment: &Experiment, scale: &Scale, seed: u64, observed: &Observed) -> Report {
        let Observed { outcome, settled, faults, usage, journal, audit, sold } = observed;
        let refused = outcome.check().err().map(|error| error.to_string());
        let (sold, redeliveries) = (*sold, audit.redeliveries);
        let sources = Sources { outcome, settled, faults, journal, usage, sold, redeliveries };
        let figures = figures::of(&sources, refused.is_none());
        let chapter = self.chapter.manifest.number;
        let judged =
            experiment.expectations.iter().filter_map(|expected| expected.judge(chapter, scale, &figures));
        Report {
            experiment: experiment.name.clone(),
            scale: scale.clone(),
            question: experiment.question.clone(),
            chapter,
            title: self.chapter.manifest.title.clone(),
            seed,
            machine: Machine::look(&self.root, &self.cores, self.profile == Profile::Release),
            expectations: judged.collect(),
            kinds: kinds(outcome, refused.is_none()),
            timeline: figures::timeline(outcome),
            faults: faults.iter().map(|fault| fault_row(outcome, journal, fault)).collect(),
            causes: outcome.record.causes.clone(),
            audit: AuditRow::of(audit, self.chapter.manifest.nats),
            refused,
            figures,
        }
    }
}

async fn sold(status: &Status, market: &Market) -> Result<u64> {
    let staff = Shop::new(&status.routes)?.log_in(&status.staff.email, &status.staff.password).await?;
    Ok(staff.stock(market.promotion()).await?.sold)
}

fn kinds(outcome: &Outcome, sound: bool) -> Vec<KindRow> {
    let record = &outcome.record;
    let rows = Kind::ALL.iter().map(|kind| (kind, record.figures(&[*kind], record.warm..record.end())));
    let time = |value: Option<f64>| value.filter(|_| sound);
    rows.filter(|(_, figures)| figures.asked > 0)
        .map(|(kind, figures)| KindRow {
            kind: kind.name().to_owned(),
            asked: figures.asked,
            failed_at_first: figures.failed_at_first,
            failed: figures.failed,
            retries: figures.retries,
            p50_ms: time(quantile(&figures.latencies, 0.5)),
            p99_ms: time(quantile(&figures.latencies, 0.99)),
            max_ms: time(quantile(&figures.latencies, 1.0)),
        })
        .collect()
}

fn fault_row(outcome: &Outcome, journal: &Journal, fault: &Done) -> FaultRow {
    let record = &outcome.record;
    let since = |instant: Instant| instant.saturating_duration_since(record.warm).as_secs_f64();
    let answered = |kinds: &[Kind]| figures::answered(&record.figures(kinds, fault.at..fault.until));
    FaultRow {
        deed: fault.deed,
        to: fault.to,
        service: fault.whom(),
        at_s: since(fault.at),
        until_s: since(fault.until),
        in_flight: fault.in_flight,
        cut: record.cut_at(fault.at),
        cut_done: Some(journal.done_unsaid(fault.moment)),
        browse_answered_percent: answered(&[Kind::Browse]),
        orders_answered_percent: answered(&ORDERS),
        said: fault.said.clone(),
    }
}
