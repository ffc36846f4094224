//! Pins load and stage to different CPU cores, because both run on the same machine.

use std::time::Duration;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};
pub use stage::cores::{available, pin_to};

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
}
