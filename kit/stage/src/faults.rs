//! Faults on the processes of a running stage, and on their links.

use std::{fmt, sync::Arc};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{
    launcher::{Inner, StartError},
    slot::Slot,
    status::State,
};

/// A fault that can be injected into a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// SIGKILL: a crash. The process stays dead until it is healed.
    Kill,
    /// SIGTERM: a graceful shutdown. The process stays dead until it is healed.
    Stop,
    /// SIGSTOP: the process keeps its connections but does not run until it is healed.
    Freeze,
    /// Delays all bytes between the process and NATS or the payment provider.
    Slow {
        /// Milliseconds in each direction.
        ms: u64,
    },
    /// Keeps the connections to NATS and the payment provider open, but no bytes pass.
    Hang,
    /// Closes the connections to NATS and the payment provider, new ones too.
    Cut,
    /// Ends the other faults: resumes a frozen process, restarts a dead one on the same port and data, and repairs the links.
    Heal,
}

/// Why a fault was not injected.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No such service or instance.
    #[error("there is no {target} here; the services are {services}")]
    Unknown {
        /// The requested name.
        target: String,
        /// The services of the stage, or their instances where there are several.
        services: String,
    },
    /// No process of the target is in a state that allows the fault. For example, a dead process cannot be frozen.
    #[error("cannot {fault} {state}")]
    NotApplicable {
        /// The fault.
        fault: Fault,
        /// Each process of the target with its state, for example `shop-1, which is dead`.
        state: String,
    },
    /// The stage runs without fault proxies.
    #[error("cannot {fault} {target}: the stage has no fault proxies; start it with --faults")]
    NoProxies {
        /// The fault.
        fault: Fault,
        /// The requested name.
        target: String,
    },
    /// The target connects neither to NATS nor to the payment provider, so it has no link, with or without proxies. NATS and the
    /// provider are at the other end of a link.
    #[error("cannot {fault} {target}: {reason}")]
    NoLink {
        /// The fault.
        fault: Fault,
        /// The requested name.
        target: String,
        /// Which services have links.
        reason: String,
    },
    /// A process was restarted, but it did not become ready.
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
    fn applies_to(self, slot: &Slot) -> bool {
        let state = slot.state().0;
        match self {
            Self::Kill | Self::Stop => state != State::Dead,
            Self::Freeze => state == State::Running,
            Self::Slow { .. } | Self::Hang | Self::Cut => !slot.links.is_empty(),
            Self::Heal => state != State::Running || !slot.links.are_healthy(),
        }
    }

    /// The state that the fault gives to the links of a process. None for a fault on the process itself.
    fn link_state(self) -> Option<proxy::State> {
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
            let _one_at_a_time = slot.fault_lock.lock().await;
            if fault.applies_to(slot) {
                done.push(self.apply_to(fault, slot).await?);
            }
        }
        if done.is_empty() && fault.link_state().is_some() {
            return Err(self.without_links(fault, target.to_owned()));
        }
        if done.is_empty() {
            let state = |slot: &Arc<Slot>| format!("{}, which is {}", slot.spec.name(), slot.state().0);
            let state = targets.iter().map(state).collect::<Vec<_>>().join("; ");
            return Err(FaultError::NotApplicable { fault, state });
        }
        Ok(done.join("\n"))
    }

    /// Why a fault on links does not apply to a target without any.
    fn without_links(&self, fault: Fault, target: String) -> FaultError {
        if self.find(&target).is_ok_and(|slots| slots.iter().any(|slot| slot.connects)) {
            return FaultError::NoProxies { fault, target };
        }
        let connected = self.slots.iter().filter(|slot| slot.connects);
        let mut services: Vec<_> = connected.map(|slot| slot.spec.service.as_str()).collect();
        services.dedup();
        let reason = match &services[..] {
            [] => "no service of this stage connects to NATS or to a payment provider".to_owned(),
            _ => format!(
                "a link belongs to the service that opens it; {fault} one of: {}",
                services.join(", ")
            ),
        };
        FaultError::NoLink { fault, target, reason }
    }

    async fn apply_to(self: &Arc<Self>, fault: Fault, slot: &Slot) -> Result<String, FaultError> {
        let name = slot.spec.name();
        if let Some(state) = fault.link_state() {
            slot.links.set(state);
            let done = format!("links of {name} are {}", state.describe());
            self.log(done.clone());
            return Ok(done);
        }
        if fault == Fault::Heal {
            slot.links.set(proxy::State::Healthy);
        }
        let done = match (fault, slot.process()) {
            (Fault::Kill, Some(process)) => format!("{name} killed ({})", process.kill().await),
            (Fault::Stop, Some(process)) => format!("{name} stopped ({})", process.stop().await),
            (Fault::Freeze, Some(process)) => {
                process.signal(Signal::STOP);
                slot.set_frozen(true);
                format!("{name} frozen")
            }
            // Only `Heal` is left.
            (_, Some(process)) => {
                process.signal(Signal::CONT);
                slot.set_frozen(false);
                self.republish(); // it runs, although it may not be ready for some time
                self.wait_ready(slot, &process).await?;
                format!("{name} resumed")
            }
            (_, None) => {
                let process = self.spawn(slot)?;
                self.wait_ready(slot, &process).await?;
                format!("{name} restarted and ready, pid {}", process.pid)
            }
        };
        self.republish();
        if slot.process().is_some() {
            self.log(done.clone()); // the exit of a process is logged when it is detected
        }
        Ok(done)
    }

    /// The instance with this name, or all instances of the service with this name.
    fn find(&self, target: &str) -> Result<Vec<Arc<Slot>>, FaultError> {
        let matches = |slot: &&Arc<Slot>| slot.spec.service == target || slot.spec.name() == target;
        let found: Vec<_> = self.slots.iter().filter(matches).cloned().collect();
        if found.is_empty() {
            let mut services: Vec<_> = self.slots.iter().map(|slot| slot.spec.source.clone()).collect();
            services.dedup();
            return Err(FaultError::Unknown { target: target.to_owned(), services: services.join(", ") });
        }
        Ok(found)
    }
}
