//! The requests in flight, shared between the load and the fault injector.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout};

/// An attempt without a response, or with one that says "try again later".
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct FailedAttempt {
    pub sent: Instant,
    pub ended: Instant,
    /// Whether the request changes something, so that the journal contains it.
    pub is_write: bool,
}

/// The attempts in flight, and those that have failed.
#[derive(Debug, Default)]
pub struct Traffic {
    in_flight: AtomicUsize,
    write_sent: Notify,
    failed: Mutex<Vec<FailedAttempt>>,
}

impl Traffic {
    /// Attempts in flight at this moment.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Waits until the next write is sent, and says whether that happened within the limit.
    pub async fn next_write(&self, limit: Duration) -> bool {
        timeout(limit, self.write_sent.notified()).await.is_ok()
    }

    /// How many attempts that were in flight at a moment failed: what a fault at that moment interrupted. Behind a gateway
    /// an interrupted request is answered 503 or 504, so these count as well.
    pub fn interrupted_at(&self, moment: Instant) -> Interrupted {
        let failed = self.failed();
        let hit = failed.iter().filter(|attempt| attempt.sent < moment && attempt.ended >= moment);
        Interrupted { attempts: hit.clone().count(), writes: hit.filter(|attempt| attempt.is_write).count() }
    }

    pub(crate) fn begin(&self, is_write: bool) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        if is_write {
            self.write_sent.notify_waiters();
        }
    }

    pub(crate) fn end(&self, failed: Option<FailedAttempt>) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.failed().extend(failed);
    }

    fn failed(&self) -> MutexGuard<'_, Vec<FailedAttempt>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempts that were in flight at a moment and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Interrupted {
    pub attempts: usize,
    /// Those of them that change something.
    pub writes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_interrupts_the_attempts_that_were_in_flight_and_failed() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let traffic = Traffic::default();
        for (sent, ended, is_write) in [(0, 10, true), (5, 30, true), (15, 30, false), (25, 30, true)] {
            traffic.begin(is_write);
            traffic.end(Some(FailedAttempt { sent: at(sent), ended: at(ended), is_write }));
        }
        assert_eq!(traffic.interrupted_at(at(20)), Interrupted { attempts: 2, writes: 1 });
        assert_eq!(traffic.in_flight(), 0);
    }
}
