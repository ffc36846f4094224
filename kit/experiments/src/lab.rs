//! Starts a stage and runs an experiment on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use audit::Journal;
use load::{
    Load, Outcome, RequestKind, RetryPolicy, Running, TestData,
    cores::{self, Cores},
    order_times::{self, OrderTimes},
};
use serde_json::json;
use shop_client::Shop;
use stage::{Chapter, Course, Options, Profile, Programs, RunFolder, Stage, Status};

use crate::{
    experiment::{CoresSpec, Experiment, Scale},
    faults::{self, InjectedFault},
    machine::Machine,
    metrics::{self, ORDERING, Sources, quantile},
    report::{AuditRow, FaultRow, Report, RequestRow},
    usage::Usage,
    view::View,
};

/// A compiled chapter. Each experiment on it starts a new stage with new data.
#[derive(Debug)]
pub struct Lab {
    root: PathBuf,
    /// The chapter.
    pub chapter: Chapter,
    programs: Programs,
    profile: Profile,
    cores: Cores,
    all_cores: Vec<usize>,
    run_dir: PathBuf,
    guard: PathBuf,
}

/// Everything that was measured in one run.
struct Observed {
    cores: Cores,
    outcome: Outcome,
    order_times: OrderTimes,
    faults: Vec<InjectedFault>,
    usage: Usage,
    journal: Journal,
    audit: audit::Report,
    promotion_units_sold: Option<u64>,
}

impl Lab {
    /// Compiles a chapter. Call it on a thread that is not pinned. Its stages run in the lab's folder `name`; `guard` is the
    /// program that ends their processes if this one is killed.
    ///
    /// # Errors
    /// There is no such chapter, or it does not compile, or another process uses its run folder.
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
            all_cores: cores::available(),
            run_dir,
            guard: guard.to_owned(),
        })
    }

    /// Runs an experiment on a new stage, which is stopped afterwards.
    ///
    /// # Errors
    /// The experiment could not be run. A shop that breaks its promises is no error: see [`Report::verdict`].
    pub async fn run(
        &self,
        experiment: &Experiment,
        scale: &Scale,
        seed: u64,
        view: &View,
    ) -> Result<Report> {
        let cores = self.cores_for(experiment);
        let stage = self.start(experiment, scale, &cores).await?;
        let status = stage.status();
        let observed = self.experiment(&stage, &status, experiment, cores, seed, view).await;
        stage.stop().await;
        Ok(self.report(experiment, scale, seed, &observed?))
    }

    fn cores_for(&self, experiment: &Experiment) -> Cores {
        match experiment.cores {
            CoresSpec::Separate => self.cores.clone(),
            CoresSpec::Shared => Cores { load: self.all_cores.clone(), stage: self.all_cores.clone() },
        }
    }

    async fn start(&self, experiment: &Experiment, scale: &Scale, cores: &Cores) -> Result<Stage> {
        let settings = [("TOKEN_TTL", "4h"), ("ORDER_TTL", "4h")]; // nothing expires while it is measured
        let mut settings: BTreeMap<_, _> =
            settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        settings.extend(experiment.settings.clone());
        let links = experiment.needs_links();
        let scale = self.instances(scale);
        let options = Options {
            profile: self.profile,
            settings,
            scale,
            fault_proxies: links,
            cores: cores.stage.clone(),
            ..Options::default()
        };
        let run = RunFolder::claim(&self.run_dir, self.chapter.manifest.number, &self.guard).await?;
        cores::pin_to(&cores.load);
        Ok(Stage::start(&self.chapter, &self.programs, run, options).await?)
    }

    /// The number of instances by service of this chapter.
    fn instances(&self, scale: &Scale) -> BTreeMap<String, u16> {
        let mut instances = BTreeMap::new();
        for (role, count) in scale {
            if let Some(service) = role.in_manifest(&self.chapter.manifest) {
                let largest = instances.entry(service.to_owned()).or_insert(*count);
                *largest = (*largest).max(*count);
            }
        }
        instances
    }

    async fn experiment(
        &self,
        stage: &Stage,
        status: &Status,
        experiment: &Experiment,
        cores: Cores,
        seed: u64,
        view: &View,
    ) -> Result<Observed> {
        let data = TestData::create(status, experiment.data.into()).await?;
        if experiment.open_payments > 0 {
            let count = experiment.open_payments;
            view.line(&format!("placing and paying {count} orders while the payment provider is down"));
            faults::control_provider(stage, &json!({ "down": true })).await?;
            data.add_open_payments(status, count).await?;
        }
        let policy = RetryPolicy::default();
        let retry_for = experiment.retry_for.unwrap_or(policy.retry_for);
        let load = Load {
            streams: experiment.streams(),
            warm_up: experiment.warm_up,
            duration: experiment.duration,
            seed,
            retry_policy: RetryPolicy { retry_for, ..policy },
            cores: cores.load.clone(),
        };
        let running = load.start(status, &data)?;
        let mut usage = Usage::default();
        let (outcome, faults) = tokio::select! {
            ended = run_load(stage, running, experiment, seed, view) => ended?,
            () = usage.watch(stage) => unreachable!("it samples until it is dropped"),
        };
        let journal = data.journal();
        let audit = audit::audit(status, Some(journal.clone())).await.context("cannot audit")?;
        let order_times = order_times::read(status, &outcome.record).await?;
        let promotion_units_sold = units_sold(status, &data).await.ok();
        Ok(Observed { cores, outcome, order_times, faults, usage, journal, audit, promotion_units_sold })
    }

    fn report(&self, experiment: &Experiment, scale: &Scale, seed: u64, observed: &Observed) -> Report {
        let Observed { cores, outcome, order_times, faults, usage, journal, audit, .. } = observed;
        let invalid_timings = outcome.check().err().map(|error| error.to_string());
        let sources = Sources {
            outcome,
            order_times,
            faults,
            journal,
            usage,
            promotion_units_sold: observed.promotion_units_sold,
            redeliveries: audit.redeliveries,
        };
        let metrics = metrics::compute(&sources, invalid_timings.is_none());
        let chapter = self.chapter.manifest.number;
        let expectations =
            experiment.expectations.iter().filter_map(|expected| expected.judge(chapter, scale, &metrics));
        Report {
            experiment: experiment.name.clone(),
            scale: scale.clone(),
            question: experiment.question.clone(),
            chapter,
            title: self.chapter.manifest.title.clone(),
            seed,
            machine: Machine::inspect(&self.root, cores, self.profile == Profile::Release),
            expectations: expectations.collect(),
            requests: request_rows(outcome, invalid_timings.is_none()),
            timeline: metrics::timeline(outcome),
            faults: faults.iter().map(|fault| fault_row(outcome, journal, fault)).collect(),
            failed_attempts: outcome.record.failed_attempts.clone(),
            audit: AuditRow::of(audit, self.chapter.manifest.nats),
            invalid_timings,
            metrics,
        }
    }
}

/// Runs load, faults and view until all of them have ended.
async fn run_load(
    stage: &Stage,
    load: Running,
    experiment: &Experiment,
    seed: u64,
    view: &View,
) -> Result<(Outcome, Vec<InjectedFault>)> {
    let duration = experiment.warm_up + experiment.duration;
    let faults = faults::inject(stage, &load, experiment, seed, view);
    let (faults, ()) = tokio::join!(faults, view.follow(&load, duration));
    Ok((load.finish().await?, faults?))
}

async fn units_sold(status: &Status, data: &TestData) -> Result<u64> {
    let staff = Shop::new(&status.routes)?.log_in(&status.staff.email, &status.staff.password).await?;
    Ok(staff.stock(data.promotion()).await?.sold)
}

fn request_rows(outcome: &Outcome, timings_are_valid: bool) -> Vec<RequestRow> {
    let record = &outcome.record;
    let rows = RequestKind::ALL.iter().map(|kind| (kind, record.stats(&[*kind], record.warm..record.end())));
    let time = |value: Option<f64>| value.filter(|_| timings_are_valid);
    rows.filter(|(_, stats)| stats.requests > 0)
        .map(|(kind, stats)| RequestRow {
            kind: kind.name().to_owned(),
            requests: stats.requests,
            first_attempt_failed: stats.first_attempt_failed,
            failed: stats.failed,
            retries: stats.retries,
            p50_ms: time(quantile(&stats.latencies, 0.5)),
            p99_ms: time(quantile(&stats.latencies, 0.99)),
            max_ms: time(quantile(&stats.latencies, 1.0)),
        })
        .collect()
}

fn fault_row(outcome: &Outcome, journal: &Journal, fault: &InjectedFault) -> FaultRow {
    let record = &outcome.record;
    let since = |instant: Instant| instant.saturating_duration_since(record.warm).as_secs_f64();
    let success =
        |kinds: &[RequestKind]| metrics::success_percent(&record.stats(kinds, fault.at..fault.until));
    FaultRow {
        kind: fault.kind,
        target: fault.target,
        service: fault.services_in_short(),
        at_s: since(fault.at),
        until_s: since(fault.until),
        missed: fault.missed,
        in_flight: fault.in_flight,
        interrupted: outcome.traffic.interrupted_at(fault.at).attempts,
        interrupted_but_done: Some(journal.completed_without_response(fault.moment)),
        browse_success_percent: success(&[RequestKind::Browse]),
        order_success_percent: success(&ORDERING),
        log: fault.log.clone(),
    }
}
