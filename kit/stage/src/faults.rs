//! Faults on the processes of a running stage, and on their links.

use std::{fmt, sync::Arc};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{
    launcher::{Inner, StartError},
    slot::Slot,
    status::State,
};

/// What can be done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// SIGKILL: it ends in the middle of whatever it does, and stays dead until healed.
    Kill,
    /// SIGTERM: it ends in order, and stays dead until healed.
    Stop,
    /// SIGSTOP: it exists, holds its connections, and does nothing until healed.
    Freeze,
    /// What it says to NATS and to the payment provider, and they to it, comes this much later each way.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// Its connections to NATS and to the payment provider stay, and nothing comes through.
    Hang,
    /// Its connections to NATS and to the payment provider are broken, and so is each new one.
    Cut,
    /// The end of the others: a frozen process goes on, a dead one is started again on the same port and data.
    Heal,
}

/// Why a fault was not done.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No such service or instance.
    #[error("there is no {target} here; the services are {there}")]
    Unknown {
        /// What was asked for.
        target: String,
        /// The services there are, and the instances of those that have several.
        there: String,
    },
    /// No process of the target is in a state for it: a dead one cannot be frozen.
    #[error("cannot {fault} {state}")]
    Pointless {
        /// The fault.
        fault: Fault,
        /// Each process of the target with its state, for example `shop-1, which is dead`.
        state: String,
    },
    /// Its links are not in the kit's hands.
    #[error(
        "cannot {fault} {target}: nothing of the kit stands between it and what it talks to; start the stage with --faults"
    )]
    NoLinks {
        /// The fault.
        fault: Fault,
        /// What it was to be done to.
        target: String,
    },
    /// A process was started again and did not become ready.
    #[error(transparent)]
    NotHealed(#[from] StartError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Freeze => "freeze",
            Self::Slow { .. } => "slow",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::Heal => "heal",
        })
    }
}

impl Fault {
    fn fits(self, slot: &Slot) -> bool {
        let state = slot.state().0;
        match self {
            Self::Kill | Self::Stop => state != State::Dead,
            Self::Freeze => state == State::Running,
            Self::Slow { .. } | Self::Hang | Self::Cut => slot.links.are_there(),
            Self::Heal => state != State::Running || !slot.links.are_well(),
        }
    }

    /// How it makes the links of a process. None: it is done to the process itself.
    fn of_links(self) -> Option<proxy::State> {
        match self {
            Self::Slow { ms } => Some(proxy::State::Slow { ms }),
            Self::Hang => Some(proxy::State::Hung),
            Self::Cut => Some(proxy::State::Cut),
            Self::Kill | Self::Stop | Self::Freeze | Self::Heal => None,
        }
    }
}

impl Inner {
    pub(crate) async fn apply(self: &Arc<Self>, fault: Fault, target: &str) -> Result<String, FaultError> {
        let targets = self.find(target)?;
        let mut done = Vec::new();
        for slot in &targets {
            let _turn = slot.turn.lock().await;
            if fault.fits(slot) {
                done.push(self.apply_to(fault, slot).await?);
            }
        }
        if done.is_empty() && fault.of_links().is_some() {
            return Err(FaultError::NoLinks { fault, target: target.to_owned() });
        }
        if done.is_empty() {
            let state = |slot: &Arc<Slot>| format!("{}, which is {}", slot.spec.name(), slot.state().0);
            let state = targets.iter().map(state).collect::<Vec<_>>().join("; ");
            return Err(FaultError::Pointless { fault, state });
        }
        Ok(done.join("\n"))
    }

    async fn apply_to(self: &Arc<Self>, fault: Fault, slot: &Slot) -> Result<String, FaultError> {
        let name = slot.spec.name();
        if let Some(links) = fault.of_links() {
            slot.links.set(links);
            let said = format!("{name}: its links are {}", links.describe());
            self.remark(said.clone());
            return Ok(said);
        }
        if fault == Fault::Heal {
            slot.links.set(proxy::State::Well);
        }
        let said = match (fault, slot.process()) {
            (Fault::Kill, Some(process)) => format!("{name} killed ({})", process.kill().await),
            (Fault::Stop, Some(process)) => format!("{name} stopped ({})", process.stop().await),
            (Fault::Freeze, Some(process)) => {
                process.signal(Signal::STOP);
                slot.set_frozen(true);
                format!("{name} frozen")
            }
            // To heal is all that is left.
            (_, Some(process)) => {
                process.signal(Signal::CONT);
                slot.set_frozen(false);
                self.wait_ready(slot, &process).await?;
                format!("{name} goes on")
            }
            (_, None) => {
                let process = self.spawn(slot)?;
                self.wait_ready(slot, &process).await?;
                format!("{name} started again and ready, pid {}", process.pid)
            }
        };
        self.republish();
        if slot.process().is_some() {
            self.remark(said.clone()); // an end has been remarked on already
        }
        Ok(said)
    }

    /// The process of that name, or all processes of that service.
    fn find(&self, target: &str) -> Result<Vec<Arc<Slot>>, FaultError> {
        let fits = |slot: &&Arc<Slot>| slot.spec.service == target || slot.spec.name() == target;
        let found: Vec<_> = self.slots.iter().filter(fits).cloned().collect();
        if found.is_empty() {
            let mut there: Vec<_> = self.slots.iter().map(|slot| slot.spec.speaker.clone()).collect();
            there.dedup();
            return Err(FaultError::Unknown { target: target.to_owned(), there: there.join(", ") });
        }
        Ok(found)
    }
}
