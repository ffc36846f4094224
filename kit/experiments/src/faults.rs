//! Injects the faults of an experiment while its load runs, and records what they interrupted.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use load::Running;
use serde_json::{Value, json};
use stage::{Fault, FaultError, Stage};
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    experiment::{Experiment, FaultKind, FaultSpec},
    role::Target,
    view::View,
};

/// A fault that was injected, or that does not apply to a stage.
#[derive(Debug, Clone)]
pub struct InjectedFault {
    /// From the experiment.
    pub kind: FaultKind,
    /// From the experiment.
    pub target: Target,
    /// The services that it was injected into. Empty: no process of this stage has that role, so nothing was done.
    pub services: Vec<String>,
    /// When it was injected.
    pub at: Instant,
    /// The same moment on the wall clock of the journal.
    pub moment: Timestamp,
    /// When it was over and the process was ready again.
    pub until: Instant,
    /// Attempts in flight when it was injected.
    pub in_flight: usize,
    /// Earlier kills that interrupted no write, after which it was repeated.
    pub missed: u32,
    /// What happened, one line per process and action.
    pub log: Vec<String>,
}

/// How often a kill is tried that has to interrupt a write.
pub const MAX_KILLS: u32 = 20;
/// Permits for faults: a fault takes one, and a fault of everything takes all of them. A healed service may be ready only
/// after another one is, so if that other one were killed again in the meantime, both would wait for each other.
const PERMITS: u32 = 1000;
/// How long a fault waits for a request that it can interrupt.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// A kill comes up to this many microseconds after a write was sent, so that it meets the write at any stage of its
/// processing. An order takes one to several milliseconds.
const MAX_DELAY_US: u64 = 1000;

/// Injects all faults of an experiment, each at its time, and returns when the last one is over. Faults may overlap, except
/// that a fault of everything waits for the others and then runs alone.
///
/// # Errors
/// A process was started again and did not become ready, or the provider does not respond.
pub async fn inject(
    stage: &Stage,
    load: &Running,
    experiment: &Experiment,
    seed: u64,
    view: &View,
) -> Result<Vec<InjectedFault>> {
    let warm = load.begun + experiment.warm_up;
    let faults = experiment.schedule(seed).into_iter();
    let permits = Semaphore::new(PERMITS as usize);
    try_join_all(faults.map(async |(at, fault)| {
        tokio::time::sleep_until((warm + at).into()).await;
        let services = fault.target.services(&stage.status());
        if services.is_empty() {
            view.line(&format!(
                "{} {}: not applicable, no process of this stage has that role",
                fault.kind, fault.target
            ));
            return Ok(InjectedFault::begin(fault, services, 0));
        }
        let injector = Injector { stage, load, view };
        let share = if fault.target == Target::Everything { PERMITS } else { 1 };
        let _permit = permits.acquire_many(share).await?;
        let injected = match fault.target {
            Target::Provider if fault.of_a_process().is_err() => {
                injector.change_provider(fault, services).await
            }
            _ if fault.repeat_until_hit => injector.kill_until_hit(fault, &services, seed).await,
            _ => {
                injector.wait_for_traffic().await;
                injector.hit_processes(fault, services).await
            }
        };
        injected.with_context(|| format!("cannot {} {}", fault.kind, fault.target))
    }))
    .await
}

impl InjectedFault {
    fn begin(fault: &FaultSpec, services: Vec<String>, in_flight: usize) -> Self {
        let (at, moment) = (Instant::now(), Timestamp::now());
        let FaultSpec { kind, target, .. } = *fault;
        Self { kind, target, services, at, moment, until: at, in_flight, missed: 0, log: Vec::new() }
    }

    /// The service, or the number of services. None if the fault does not apply to this stage.
    pub fn services_in_short(&self) -> Option<String> {
        match &self.services[..] {
            [] => None,
            [one] => Some(one.clone()),
            all => Some(format!("{} services", all.len())),
        }
    }
}

/// Injects one fault.
struct Injector<'a> {
    stage: &'a Stage,
    load: &'a Running,
    view: &'a View,
}

impl Injector<'_> {
    /// Injects a fault into processes, all at once, and heals them.
    async fn hit_processes(&self, fault: &FaultSpec, services: Vec<String>) -> Result<InjectedFault> {
        let mut injected = InjectedFault::begin(fault, services, self.load.traffic.in_flight());
        injected.log = self.apply(fault.of_a_process()?, &injected.services).await?;
        sleep(fault.duration).await;
        injected.log.extend(self.apply(Fault::Heal, &injected.services).await?);
        injected.until = Instant::now();
        Ok(injected)
    }

    /// Kills and heals processes until a kill has interrupted a write.
    async fn kill_until_hit(
        &self,
        fault: &FaultSpec,
        services: &[String],
        seed: u64,
    ) -> Result<InjectedFault> {
        let mut rng = Rng::with_seed(seed.wrapping_add(fault.at.as_secs()));
        let mut missed = 0;
        loop {
            self.load.traffic.next_write(MAX_WAIT).await;
            // Blocks this thread on purpose: the timers of the runtime are too coarse for a request of a millisecond.
            thread::sleep(Duration::from_micros(rng.u64(..MAX_DELAY_US)));
            let mut injected = self.hit_processes(fault, services.to_vec()).await?;
            injected.missed = missed;
            if self.load.traffic.interrupted_at(injected.at).writes > 0 || missed + 1 == MAX_KILLS {
                return Ok(injected);
            }
            missed += 1;
            self.view.line("that kill interrupted no write; it is repeated");
        }
    }

    /// Returns what was done, one line per service.
    async fn apply(&self, fault: Fault, services: &[String]) -> Result<Vec<String>> {
        let one = async |service: &String| match self.stage.apply(fault, service).await {
            // One process may have two roles, and the end of the other role's fault has healed it already.
            Err(FaultError::NotApplicable { .. }) if fault == Fault::Heal => Ok(None),
            Err(error @ FaultError::NotApplicable { .. }) => Ok(Some(error.to_string())),
            applied => applied.map(Some),
        };
        let log: Vec<_> = try_join_all(services.iter().map(one)).await?.into_iter().flatten().collect();
        if !log.is_empty() {
            self.view.line(&log.join("; "));
        }
        Ok(log)
    }

    /// Makes the payment provider slow, unreliable or unavailable, and healthy again.
    async fn change_provider(&self, fault: &FaultSpec, services: Vec<String>) -> Result<InjectedFault> {
        let (change, back) = match fault.kind {
            FaultKind::Slow => (json!({ "latency_ms": fault.ms }), json!({ "latency_ms": 0 })),
            FaultKind::Flaky => (json!({ "error_rate": fault.error_rate }), json!({ "error_rate": 0.0 })),
            _ => (json!({ "down": true }), json!({ "down": false })),
        };
        let mut injected = InjectedFault::begin(fault, services, self.load.traffic.in_flight());
        control_provider(self.stage, &change).await?;
        injected.log = vec![format!("payment provider set to {change}")];
        self.view.line(&injected.log[0]);
        sleep(fault.duration).await;
        control_provider(self.stage, &back).await?;
        self.view.line("payment provider is healthy again");
        injected.until = Instant::now();
        Ok(injected)
    }

    /// Waits until requests are in flight, because a fault that interrupts none proves nothing: until several are, or after
    /// some time at least one, which may be answered just before the fault. It checks only once per millisecond, so that the
    /// fault comes in the middle of a request and not always at its beginning.
    async fn wait_for_traffic(&self) {
        for enough in [2, 1] {
            let deadline = Instant::now() + MAX_WAIT;
            while self.load.traffic.in_flight() < enough && Instant::now() < deadline {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// Changes the settings of the payment provider.
///
/// # Errors
/// The stage has no provider, or the provider does not respond.
pub async fn control_provider(stage: &Stage, change: &Value) -> Result<()> {
    let provider = stage.status().payments.context("the stage has no payment provider")?;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
    let answer = http.put(format!("{}/control", provider.url)).json(change).send().await?;
    ensure!(answer.status().is_success(), "the payment provider answered {}", answer.status());
    Ok(())
}

impl FaultSpec {
    fn of_a_process(&self) -> Result<Fault> {
        Ok(match (self.kind, self.ms) {
            (FaultKind::Kill, _) => Fault::Kill,
            (FaultKind::Stop, _) => Fault::Stop,
            (FaultKind::Freeze, _) => Fault::Freeze,
            (FaultKind::Hang, _) => Fault::Hang,
            (FaultKind::Cut, _) => Fault::Cut,
            (FaultKind::Slow, Some(ms)) if self.target != Target::Provider => Fault::Slow { ms },
            (kind, _) => anyhow::bail!("{kind} is not a fault of a process"),
        })
    }
}
