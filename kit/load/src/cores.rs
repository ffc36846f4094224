//! Who runs on which core. Load and stage share a machine; where the system lets them, they do not share a core.

use std::time::Duration;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

/// Which cores the load has, and which the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cores {
    /// Of the load. Empty: any, as the system likes.
    pub load: Vec<usize>,
    /// Of the stage, its provider and its NATS server.
    pub stage: Vec<usize>,
}

impl Cores {
    /// Takes the first core for the load and leaves the others to the stage; both share all where there is only one, or
    /// where a process cannot choose.
    pub fn apart() -> Self {
        match allowed().split_first() {
            Some((first, others)) if !others.is_empty() => {
                Self { load: vec![*first], stage: others.to_vec() }
            }
            _ => Self::shared(),
        }
    }

    /// Nobody has a core of its own.
    pub fn shared() -> Self {
        Self { load: Vec::new(), stage: Vec::new() }
    }

    /// Whether load and stage have cores of their own.
    pub fn are_apart(&self) -> bool {
        !self.load.is_empty()
    }

    /// For a report.
    pub fn describe(&self) -> String {
        let list = |cores: &[usize]| cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        if self.are_apart() {
            format!("load on core {}, stage on core {}", list(&self.load), list(&self.stage))
        } else {
            "load and stage shared all cores".to_owned()
        }
    }
}

/// Keeps this thread, and the threads and processes that it starts from now on, on these cores. Empty: changes nothing.
pub fn stay_on(cores: &[usize]) {
    if !cores.is_empty() {
        affinity::set(cores);
    }
}

/// The cores that this thread may run on, as far as the system tells.
pub fn allowed() -> Vec<usize> {
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
        sched_setaffinity(None, &set).ok(); // a core that was taken away since: the report's figures say so
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

/// How long this thread has kept a core busy since it began.
pub fn time_of_this_thread() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Lets this process have as many connections as the system allows anybody: an open loop has one for each visitor that waits.
pub fn allow_many_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok(); // else the load says what it lacked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_stage_have_no_core_in_common() {
        let cores = Cores::apart();
        assert!(cores.load.iter().all(|core| !cores.stage.contains(core)));
        assert_eq!(cores.are_apart(), allowed().len() > 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_stays_on_its_core_and_so_does_what_it_starts() {
        let core = allowed()[0];
        std::thread::spawn(move || {
            stay_on(&[core]);
            assert_eq!(allowed(), [core]);
            assert_eq!(std::thread::spawn(allowed).join().unwrap(), [core]);
        })
        .join()
        .unwrap();
    }
}
