//! Pins load and stage to different CPU cores, because both run on the same machine.

use std::time::Duration;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

/// The cores of the load and those of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// Cores of the load. Empty: any core.
    pub load: Vec<usize>,
    /// Cores of the stage, its payment provider and its NATS server. Empty: any core.
    pub stage: Vec<usize>,
}

impl Cores {
    /// The first core for the load, the others for the stage. [`Cores::shared`] on a machine with one core, and on systems
    /// on which a process cannot be pinned.
    pub fn separate() -> Self {
        match available().split_first() {
            Some((first, others)) if !others.is_empty() => {
                Self { load: vec![*first], stage: others.to_vec() }
            }
            _ => Self::shared(),
        }
    }

    /// No pinning: load and stage run on any core.
    pub fn shared() -> Self {
        Self { load: Vec::new(), stage: Vec::new() }
    }

    /// Whether load and stage have cores of their own.
    pub fn are_separate(&self) -> bool {
        self.load != self.stage
    }

    /// For a report.
    pub fn describe(&self) -> String {
        let list = |cores: &[usize]| cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        if self.are_separate() {
            format!("load on core {}, stage on core {}", list(&self.load), list(&self.stage))
        } else {
            "load and stage shared all cores".to_owned()
        }
    }
}

/// Pins this thread, and the threads and processes that it starts from now on, to these cores. Empty: changes nothing.
pub fn pin_to(cores: &[usize]) {
    if !cores.is_empty() {
        affinity::set(cores);
    }
}

/// The cores that this thread may run on. Empty on systems other than Linux.
pub fn available() -> Vec<usize> {
    affinity::get()
}

#[cfg(target_os = "linux")]
mod affinity {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn set(cores: &[usize]) {
        let mut set = CpuSet::new();
        for core in cores {
            set.set(*core);
        }
        sched_setaffinity(None, &set).ok(); // fails if a core was taken offline; the load's own metrics show that
    }

    pub(super) fn get() -> Vec<usize> {
        let set = sched_getaffinity(None);
        set.map_or_else(|_| Vec::new(), |set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    pub(super) fn set(_: &[usize]) {}

    pub(super) fn get() -> Vec<usize> {
        Vec::new()
    }
}

/// The CPU time that this thread has used.
pub fn thread_cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Raises this process's limit of open files as far as the system allows: an open-loop load needs a connection for each
/// visitor that waits.
pub fn raise_connection_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok(); // a connection that fails is in the report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_stage_have_no_core_in_common() {
        let cores = Cores::separate();
        assert!(cores.load.iter().all(|core| !cores.stage.contains(core)));
        assert_eq!(cores.are_separate(), available().len() > 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pinned_thread_starts_pinned_threads() {
        let core = available()[0];
        std::thread::spawn(move || {
            pin_to(&[core]);
            assert_eq!(available(), [core]);
            assert_eq!(std::thread::spawn(available).join().unwrap(), [core]);
        })
        .join()
        .unwrap();
    }
}
