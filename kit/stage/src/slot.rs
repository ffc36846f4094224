//! The slot of one process in a stage. Its process may exit and be restarted, with the same port and data.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    cores,
    launcher::{StartError, io_error},
    links::{self, Links},
    log::{self, MergedLog},
    process::{NotReady, Process, Spec},
    run::RunFolder,
    status::State,
};

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) spec: Spec,
    /// Whether it connects to NATS or to the payment provider, with or without a proxy between.
    pub(crate) connects: bool,
    pub(crate) links: Links,
    /// Held while a fault is injected, because faults on one process must not overlap.
    pub(crate) fault_lock: tokio::sync::Mutex<()>,
    latest: Mutex<Option<Latest>>,
}

/// The process that was started last.
#[derive(Debug, Clone)]
struct Latest {
    process: Process,
    frozen: bool,
}

const TAIL_LINES: usize = 20;

impl Slot {
    pub(crate) fn new(spec: Spec, links: Links) -> Self {
        let connects = links::connects(&spec);
        Self { spec, connects, links, fault_lock: tokio::sync::Mutex::default(), latest: Mutex::default() }
    }

    /// The state of its process, and the process id unless it is dead.
    pub(crate) fn state(&self) -> (State, Option<u32>) {
        match &*self.latest() {
            Some(Latest { process, frozen }) if process.exited().is_none() => {
                (if *frozen { State::Frozen } else { State::Running }, Some(process.pid))
            }
            _ => (State::Dead, None),
        }
    }

    /// Its process, unless it is dead.
    pub(crate) fn process(&self) -> Option<Process> {
        let latest = self.latest();
        latest.as_ref().map(|latest| &latest.process).filter(|process| process.exited().is_none()).cloned()
    }

    pub(crate) fn set_frozen(&self, frozen: bool) {
        if let Some(latest) = self.latest().as_mut() {
            latest.frozen = frozen;
        }
    }

    /// Starts its process on these cores.
    pub(crate) fn spawn(
        &self,
        run: &std::sync::Arc<RunFolder>,
        merged: &MergedLog,
        cores: &[usize],
    ) -> Result<Process, StartError> {
        let process = cores::while_pinned_to(cores, || Process::spawn(&self.spec, run, merged));
        let process = process.map_err(io_error("cannot start", &self.spec.program))?;
        *self.latest() = Some(Latest { process: process.clone(), frozen: false });
        Ok(process)
    }

    /// Waits until the process is ready.
    pub(crate) async fn ready(
        &self,
        process: &Process,
        http: &reqwest::Client,
        ready_timeout: Duration,
    ) -> Result<(), StartError> {
        let not_ready = match process.ready(http, &self.spec.health, ready_timeout).await {
            Ok(()) => return Ok(()),
            Err(not_ready) => not_ready,
        };
        let (name, log) = (self.spec.name(), self.spec.log.clone());
        let tail = log::tail(&log, TAIL_LINES);
        Err(match not_ready {
            NotReady::Died(status) => StartError::Died { name, status, log, tail },
            NotReady::TimedOut => StartError::NotReady { name, seconds: ready_timeout.as_secs(), log, tail },
        })
    }

    fn latest(&self) -> MutexGuard<'_, Option<Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
