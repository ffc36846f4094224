//! Sends the visitors off when they are due.
//!
//! A thread of its own, because the async runtime's timers are a millisecond coarse: a read that takes a third of that
//! would seem to take four times as long.

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

/// How long it sleeps at a time: so soon it sees that the load is over.
const LONGEST_NAP: Duration = Duration::from_millis(100);

/// Sends each arrival when it is due, until told to stop, and says how much time of a core that took.
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
                return cores::time_of_this_thread();
            }
            thread::sleep(left.min(LONGEST_NAP));
        }
        if to.send(arrival).is_err() {
            break; // the load has ended without waiting for the others
        }
    }
    cores::time_of_this_thread()
}
