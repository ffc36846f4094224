//! The CPU cores of threads, which the processes that they start inherit.

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

/// Runs a function while this thread is pinned to these cores. The function is not async, because on the same thread no other task
/// may run meanwhile. Empty: does not pin it.
pub(crate) fn while_pinned_to<T>(cores: &[usize], run: impl FnOnce() -> T) -> T {
    let before = available();
    pin_to(cores);
    let result = run();
    if !cores.is_empty() {
        pin_to(&before);
    }
    result
}

#[cfg(target_os = "linux")]
mod affinity {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn set(cores: &[usize]) {
        let mut set = CpuSet::new();
        for core in cores {
            set.set(*core);
        }
        sched_setaffinity(None, &set).ok(); // fails if a core was taken offline
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_that_starts_a_pinned_process_has_all_its_cores_again_afterwards() {
        let before = available();
        let inside = while_pinned_to(&before[..1], || std::thread::spawn(available).join().unwrap());
        assert_eq!(inside, before[..1]);
        assert_eq!(available(), before);
        assert_eq!(while_pinned_to(&[], available), before);
    }
}
