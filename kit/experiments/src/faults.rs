//! Does the faults of an experiment while its load is on, and notes what they hit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use load::{Running, cores, cores::Cores};
use serde_json::{Value, json};
use stage::{Fault, FaultError, Stage};

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
    /// The service it was done to. None: this stage has nobody with that duty, and nothing was done.
    pub service: Option<String>,
    /// When it was done.
    pub at: Instant,
    /// When it was over, and its process ready again.
    pub until: Instant,
    /// Attempts under way when it was done.
    pub in_flight: usize,
    /// What was said of it: a line for each process.
    pub said: Vec<String>,
}

/// So long a kill waits for a request to kill.
const FOR_TRAFFIC: Duration = Duration::from_secs(1);

/// Does all faults of an experiment, each at its time, and returns when the last one is over. Two that overlap are both done.
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
    try_join_all(faults.map(async |(at, fault)| {
        tokio::time::sleep_until((warm + at).into()).await;
        let Some(service) = fault.to.service(&stage.status()) else {
            view.line(&format!("{} {}: not applicable, this stage has none", fault.deed, fault.to));
            return Ok(nobody(fault));
        };
        let hand = Hand { stage, load, cores, view };
        let done = match fault.to {
            Target::Provider if fault.of_a_process().is_err() => {
                hand.trouble_the_provider(fault, service).await
            }
            _ => hand.hurt(fault, service).await,
        };
        done.with_context(|| format!("cannot {} {}", fault.deed, fault.to))
    }))
    .await
}

fn nobody(fault: &FaultSpec) -> Done {
    let now = Instant::now();
    Done {
        deed: fault.deed,
        to: fault.to,
        service: None,
        at: now,
        until: now,
        in_flight: 0,
        said: Vec::new(),
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
    /// Does a fault to a process, with requests in flight if there are any, and heals it.
    async fn hurt(&self, fault: &FaultSpec, service: String) -> Result<Done> {
        let in_flight = self.traffic().await;
        let at = Instant::now();
        let mut said = Vec::new();
        match self.stage.apply(fault.of_a_process()?, &service).await {
            Ok(done) => said.push(done),
            // Two duties of one process: what the other fault did to it still lasts.
            Err(error @ FaultError::Pointless { .. }) => said.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        self.view.line(&said[0]);
        tokio::time::sleep(fault.lasts.map_or(Duration::ZERO, |Time(lasts)| lasts)).await;
        cores::stay_on(&self.cores.stage); // for the process that is started
        let healed = self.stage.apply(Fault::Heal, &service).await;
        cores::stay_on(&self.cores.load);
        match healed {
            Ok(done) => said.push(done),
            Err(FaultError::Pointless { .. }) => {} // the other fault's end healed it
            Err(error) => return Err(error.into()),
        }
        self.view.line(&said[said.len() - 1]);
        Ok(Done {
            deed: fault.deed,
            to: fault.to,
            service: Some(service),
            at,
            until: Instant::now(),
            in_flight,
            said,
        })
    }

    /// Makes the payment provider slow, unreliable or away, and well again.
    async fn trouble_the_provider(&self, fault: &FaultSpec, service: String) -> Result<Done> {
        let (change, back) = match fault.deed {
            Deed::Slow => (json!({ "latency_ms": fault.ms }), json!({ "latency_ms": 0 })),
            Deed::Flaky => (json!({ "error_rate": fault.share }), json!({ "error_rate": 0.0 })),
            _ => (json!({ "down": true }), json!({ "down": false })),
        };
        let (at, in_flight) = (Instant::now(), self.load.in_flight());
        self.control(&change).await?;
        let said = vec![format!("provider told {change}")];
        self.view.line(&said[0]);
        tokio::time::sleep(fault.lasts.map_or(Duration::ZERO, |Time(lasts)| lasts)).await;
        self.control(&back).await?;
        self.view.line("provider is well again");
        Ok(Done {
            deed: fault.deed,
            to: fault.to,
            service: Some(service),
            at,
            until: Instant::now(),
            in_flight,
            said,
        })
    }

    async fn control(&self, change: &Value) -> Result<()> {
        let provider = self.stage.status().payments.context("the stage has no payment provider")?;
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer = http.put(format!("{}/control", provider.url)).json(change).send().await?;
        ensure!(answer.status().is_success(), "the provider's control answered {}", answer.status());
        Ok(())
    }

    /// Waits until a request is under way: a kill that meets none proves nothing.
    async fn traffic(&self) -> usize {
        let deadline = Instant::now() + FOR_TRAFFIC;
        loop {
            let in_flight = self.load.in_flight();
            if in_flight > 0 || Instant::now() > deadline {
                return in_flight;
            }
            tokio::task::yield_now().await;
        }
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
