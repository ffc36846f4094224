//! Does the faults of an experiment while its load is on, and notes what they hit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use load::{Running, cores, cores::Cores};
use serde_json::{Value, json};
use stage::{Fault, FaultError, Stage};
use tokio::sync::Semaphore;

use crate::{
    duty::Target,
    experiment::{Deed, Experiment, FaultSpec, Time},
    view::View,
};

/// A fault that was done, or that a stage has nobody for.
#[derive(Debug, Clone)]
pub struct Done {
    /// As the experiment has it.
    pub deed: Deed,
    /// As the experiment has it.
    pub to: Target,
    /// The services it was done to, all at once. Empty: this stage has nobody with that duty, and nothing was done.
    pub services: Vec<String>,
    /// When it was done.
    pub at: Instant,
    /// The same by the clock of the journal.
    pub moment: Timestamp,
    /// When it was over, and its process ready again.
    pub until: Instant,
    /// Attempts under way when it was done.
    pub in_flight: usize,
    /// What was said of it: a line for each process.
    pub said: Vec<String>,
}

/// Shares of the stage, of which a fault takes one; one that is done to everything takes all. A service that is healed may be
/// ready only when another is: killed again meanwhile, that one would wait for the first, and both for ever.
const WHOLE: u32 = 1000;
/// So long a fault waits for several requests to be under way, and then as long again for one.
const FOR_TRAFFIC: Duration = Duration::from_secs(2);
/// One alone may be answered at that very moment.
const SEVERAL: usize = 2;

/// Does all faults of an experiment, each at its time, and returns when the last one is over. Two that overlap are both done;
/// one that is done to everything has the stage for itself.
///
/// # Errors
/// A process was started again and did not become ready, or the provider cannot be told.
pub async fn inflict(
    stage: &Stage,
    load: &Running,
    experiment: &Experiment,
    seed: u64,
    cores: &Cores,
    view: &View,
) -> Result<Vec<Done>> {
    let warm = load.begun + experiment.warm_up.0;
    let faults = experiment.schedule(seed).into_iter();
    let turns = Semaphore::new(WHOLE as usize);
    try_join_all(faults.map(async |(at, fault)| {
        tokio::time::sleep_until((warm + at).into()).await;
        let services = fault.to.services(&stage.status());
        if services.is_empty() {
            view.line(&format!("{} {}: not applicable, this stage has none", fault.deed, fault.to));
            return Ok(Done::begin(fault, services, 0));
        }
        let hand = Hand { stage, load, cores, view };
        let share = if fault.to == Target::Everything { WHOLE } else { 1 };
        let _turn = turns.acquire_many(share).await?;
        let done = match fault.to {
            Target::Provider if fault.of_a_process().is_err() => {
                hand.trouble_the_provider(fault, services).await
            }
            _ => hand.hurt(fault, services).await,
        };
        done.with_context(|| format!("cannot {} {}", fault.deed, fault.to))
    }))
    .await
}

impl Done {
    fn begin(fault: &FaultSpec, services: Vec<String>, in_flight: usize) -> Self {
        let (at, moment) = (Instant::now(), Timestamp::now());
        Self { deed: fault.deed, to: fault.to, services, at, moment, until: at, in_flight, said: Vec::new() }
    }

    /// Whom it was done to, in a word or two; nobody, where this stage has nobody for it.
    pub fn whom(&self) -> Option<String> {
        match &self.services[..] {
            [] => None,
            [one] => Some(one.clone()),
            all => Some(format!("{} services", all.len())),
        }
    }
}

/// What does one fault.
struct Hand<'a> {
    stage: &'a Stage,
    load: &'a Running,
    cores: &'a Cores,
    view: &'a View,
}

impl Hand<'_> {
    /// Does a fault to processes, all at once and with requests in flight if there are any, and heals them. Who needs whom
    /// is theirs to sort out.
    async fn hurt(&self, fault: &FaultSpec, services: Vec<String>) -> Result<Done> {
        let in_flight = self.traffic().await;
        let mut done = Done::begin(fault, services, in_flight);
        done.said = self.apply(fault.of_a_process()?, &done.services).await?;
        tokio::time::sleep(fault.lasts.map_or(Duration::ZERO, |Time(lasts)| lasts)).await;
        cores::stay_on(&self.cores.stage); // for the processes that are started
        let healed = self.apply(Fault::Heal, &done.services).await;
        cores::stay_on(&self.cores.load);
        done.said.extend(healed?);
        done.until = Instant::now();
        Ok(done)
    }

    /// Says what was done, a line for each service.
    async fn apply(&self, fault: Fault, services: &[String]) -> Result<Vec<String>> {
        let one = async |service: &String| match self.stage.apply(fault, service).await {
            // Two duties of one process: the other fault's end healed it already, or what that did still lasts.
            Err(FaultError::NotApplicable { .. }) if fault == Fault::Heal => Ok(None),
            Err(error @ FaultError::NotApplicable { .. }) => Ok(Some(error.to_string())),
            done => done.map(Some),
        };
        let said: Vec<_> = try_join_all(services.iter().map(one)).await?.into_iter().flatten().collect();
        if !said.is_empty() {
            self.view.line(&said.join("; "));
        }
        Ok(said)
    }

    /// Makes the payment provider slow, unreliable or away, and well again.
    async fn trouble_the_provider(&self, fault: &FaultSpec, services: Vec<String>) -> Result<Done> {
        let (change, back) = match fault.deed {
            Deed::Slow => (json!({ "latency_ms": fault.ms }), json!({ "latency_ms": 0 })),
            Deed::Flaky => (json!({ "error_rate": fault.share }), json!({ "error_rate": 0.0 })),
            _ => (json!({ "down": true }), json!({ "down": false })),
        };
        let mut done = Done::begin(fault, services, self.load.in_flight());
        self.control(&change).await?;
        done.said = vec![format!("provider told {change}")];
        self.view.line(&done.said[0]);
        tokio::time::sleep(fault.lasts.map_or(Duration::ZERO, |Time(lasts)| lasts)).await;
        self.control(&back).await?;
        self.view.line("provider is well again");
        done.until = Instant::now();
        Ok(done)
    }

    async fn control(&self, change: &Value) -> Result<()> {
        let provider = self.stage.status().payments.context("the stage has no payment provider")?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer = http.put(format!("{}/control", provider.url)).json(change).send().await?;
        ensure!(answer.status().is_success(), "the provider's control answered {}", answer.status());
        Ok(())
    }

    /// Waits until requests are under way: a kill that meets none proves nothing. Looks now and then only, so that it meets
    /// them in the middle of what is done for them, and not all as they begin.
    async fn traffic(&self) -> usize {
        for wished in [SEVERAL, 1] {
            let deadline = Instant::now() + FOR_TRAFFIC;
            while Instant::now() < deadline {
                let in_flight = self.load.in_flight();
                if in_flight >= wished {
                    return in_flight;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        self.load.in_flight()
    }
}

impl FaultSpec {
    fn of_a_process(&self) -> Result<Fault> {
        Ok(match (self.deed, self.ms) {
            (Deed::Kill, _) => Fault::Kill,
            (Deed::Stop, _) => Fault::Stop,
            (Deed::Freeze, _) => Fault::Freeze,
            (Deed::Hang, _) => Fault::Hang,
            (Deed::Cut, _) => Fault::Cut,
            (Deed::Slow, Some(ms)) if self.to != Target::Provider => Fault::Slow { ms },
            (deed, _) => anyhow::bail!("{deed} is nothing to do to a process"),
        })
    }
}
