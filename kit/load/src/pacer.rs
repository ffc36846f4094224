//! Starts the visitors when they are due.
//!
//! It runs on a thread of its own, because timers of the async runtime have a resolution of a millisecond. A read that takes
//! a third of that would seem to take four times as long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::UnboundedSender;

use crate::{cores, schedule::Arrival};

/// The pacer notices within this time that the load was stopped.
const MAX_SLEEP: Duration = Duration::from_millis(100);

/// Sends each arrival when it is due, until it is stopped. Returns the CPU time that this took.
pub(crate) fn pace(
    arrivals: Vec<Arrival>,
    begun: Instant,
    to: &UnboundedSender<Arrival>,
    stopped: &Arc<AtomicBool>,
) -> Duration {
    for arrival in arrivals {
        let due = begun + arrival.due;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if stopped.load(Ordering::Relaxed) {
                return cores::thread_cpu_time();
            }
            thread::sleep(left.min(MAX_SLEEP));
        }
        if to.send(arrival).is_err() {
            break; // the load has ended early
        }
    }
    cores::thread_cpu_time()
}
