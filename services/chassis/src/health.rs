//! Tracks whether the consumers of a service make progress, because its readiness depends on it.
//!
//! A message that fails for a reason that may be transient is retried for ever. So somebody has to notice when a consumer
//! has processed nothing for a while, for example because the disk is full. Such a service is not ready, but alive: a
//! restart would not help it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a consumer may fail before the service is not ready. Another process may hold the lock of the database for
/// some seconds, and that is no outage.
const MAX_FAILING: Duration = Duration::from_secs(30);

/// How long a failure counts. It is longer than the back-off between two attempts: if no attempt has been made since,
/// another instance has processed the message.
const FAILURE_LIFETIME: Duration = Duration::from_secs(20);

/// The consumers whose recent messages have all failed.
#[derive(Clone, Default)]
pub struct Consuming(Arc<Mutex<BTreeMap<String, Failing>>>);

struct Failing {
    since: Instant,
    last: Instant,
    error: String,
}

impl Consuming {
    /// Records that a consumer has received messages and could process none of them.
    pub fn failed(&self, consumer: &str, error: &str) {
        self.failed_at(Instant::now(), consumer, error);
    }

    fn failed_at(&self, now: Instant, consumer: &str, error: &str) {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing.get(consumer).filter(|failing| failing.is_current(now)).map_or(now, |f| f.since);
        failing.insert(consumer.to_owned(), Failing { since, last: now, error: error.to_owned() });
    }

    /// Records that a consumer has processed a message.
    pub fn progressed(&self, consumer: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(consumer);
    }

    /// The reason if a consumer has been failing for too long.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Result<(), String> {
        let failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let too_long = |failing: &Failing| failing.is_current(now) && now - failing.since >= MAX_FAILING;
        match failing.iter().find(|(_, failing)| too_long(failing)) {
            None => Ok(()),
            Some((consumer, Failing { since, error, .. })) => {
                let seconds = (now - *since).as_secs();
                Err(format!("the consumer {consumer} has processed nothing for {seconds} s: {error}"))
            }
        }
    }
}

impl Failing {
    fn is_current(&self, now: Instant) -> bool {
        now - self.last < FAILURE_LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Fails every five seconds, and returns the result of the check after so many seconds.
    fn after(consuming: &Consuming, start: Instant, seconds: u32) -> Result<(), String> {
        for second in (0..=seconds).step_by(5) {
            consuming.failed_at(start + second * SECOND, "orders", "the disk is full");
        }
        consuming.check_at(start + seconds * SECOND)
    }

    #[test]
    fn a_consumer_that_only_fails_for_half_a_minute_is_reported_with_the_reason() {
        let (consuming, start) = (Consuming::default(), Instant::now());
        assert_eq!(after(&consuming, start, 29), Ok(()));
        let reason = "the consumer orders has processed nothing for 30 s: the disk is full".to_owned();
        assert_eq!(after(&consuming, start, 30), Err(reason));
    }

    #[test]
    fn a_consumer_that_processes_a_message_is_not_failing() {
        let (consuming, start) = (Consuming::default(), Instant::now());
        after(&consuming, start, 60).unwrap_err();
        consuming.progressed("orders");
        assert_eq!(consuming.check_at(start + 60 * SECOND), Ok(()));
    }

    #[test]
    fn a_failure_is_forgotten_when_another_instance_has_taken_the_message() {
        let (consuming, start) = (Consuming::default(), Instant::now());
        after(&consuming, start, 60).unwrap_err();
        let later = start + 60 * SECOND + FAILURE_LIFETIME;
        assert_eq!(consuming.check_at(later), Ok(()));
        consuming.failed_at(later, "orders", "the disk is full");
        assert_eq!(consuming.check_at(later), Ok(()), "a new outage begins");
    }
}
