//! The results of a load: per kind of request, as a whole and second by second.
//!
//! A *request* is what a visitor wants; it consists of one or more *attempts*, because a client retries.

use std::{
    collections::BTreeMap,
    ops::Range,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// A product, the newest products, or a search.
    Browse,
    /// `POST /sessions`.
    LogIn,
    /// `POST /orders`, also a second time under the same key.
    Place,
    /// `POST /orders/{id}/payment`.
    Pay,
    /// `POST /orders/{id}/cancellation`.
    Cancel,
    /// `GET /orders/{id}`, until the order is settled.
    Poll,
    /// `PATCH /products/{id}`, by staff.
    SetPrice,
}

impl RequestKind {
    /// All, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Browse, Self::LogIn, Self::Place, Self::Pay, Self::Cancel, Self::Poll, Self::SetPrice];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::LogIn => "log in",
            Self::Place => "place order",
            Self::Pay => "pay order",
            Self::Cancel => "cancel order",
            Self::Poll => "poll order",
            Self::SetPrice => "set price",
        }
    }
}

/// Counts and latencies of requests of one kind.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct RequestStats {
    pub requests: u64,
    pub first_attempt_failed: u64,
    /// Requests that failed in spite of retries, or were refused for good.
    pub failed: u64,
    pub retries: u64,
    /// Microseconds from when a request was due until it succeeded, failed attempts and pauses included.
    pub latencies: Histogram<u64>,
}

/// An order that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct AcknowledgedOrder {
    /// When it was due to be placed.
    pub due: Instant,
    /// When its last payment was due.
    pub pay_due: Option<Instant>,
}

/// All results of a load.
#[derive(Debug)]
pub struct Record {
    /// When the load began.
    pub begun: Instant,
    /// The end of the warm-up. Requests that were due earlier count in no metric.
    pub warm: Instant,
    /// Every request, in the order in which they finished.
    pub finished: Vec<FinishedRequest>,
    /// The requests that were due in each second since the beginning.
    pub seconds: Vec<RequestStats>,
    /// How many attempts failed, by kind of request and cause.
    pub failed_attempts: BTreeMap<String, u64>,
    /// Orders that were due after the warm-up.
    pub orders: BTreeMap<Uuid, AcknowledgedOrder>,
    /// Microseconds by which visitors were started later than they were due.
    pub lag: Histogram<u64>,
    /// Attempts, warm-up included.
    pub attempts: u64,
}

/// The result of one request.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct FinishedRequest {
    pub kind: RequestKind,
    pub due: Instant,
    /// None: it failed.
    pub succeeded: Option<Instant>,
    pub attempts: u64,
}

impl Default for RequestStats {
    fn default() -> Self {
        Self { requests: 0, first_attempt_failed: 0, failed: 0, retries: 0, latencies: microseconds() }
    }
}

impl RequestStats {
    fn add(&mut self, request: &FinishedRequest) {
        self.requests += 1;
        self.first_attempt_failed += u64::from(request.attempts > 1 || request.succeeded.is_none());
        self.failed += u64::from(request.succeeded.is_none());
        self.retries += request.attempts.saturating_sub(1);
        if let Some(succeeded) = request.succeeded {
            self.latencies.saturating_record(micros(succeeded.saturating_duration_since(request.due)));
        }
    }
}

impl Record {
    pub(crate) fn begin(begun: Instant, warm_up: Duration) -> Self {
        Self {
            begun,
            warm: begun + warm_up,
            finished: Vec::new(),
            seconds: Vec::new(),
            failed_attempts: BTreeMap::new(),
            orders: BTreeMap::new(),
            lag: microseconds(),
            attempts: 0,
        }
    }

    pub(crate) fn add(&mut self, request: FinishedRequest) {
        let second = request.due.saturating_duration_since(self.begun).as_secs();
        let second = usize::try_from(second).unwrap_or(usize::MAX);
        while self.seconds.len() <= second {
            self.seconds.push(RequestStats::default());
        }
        self.seconds[second].add(&request);
        self.finished.push(request);
    }

    pub(crate) fn add_start(&mut self, due: Instant) {
        if due >= self.warm {
            self.lag.saturating_record(micros(due.elapsed()));
        }
    }

    pub(crate) fn add_order(&mut self, order: Uuid, due: Instant) {
        if due >= self.warm {
            self.orders.insert(order, AcknowledgedOrder { due, pay_due: None });
        }
    }

    /// The requests of some kinds that were due in a period.
    pub fn stats(&self, kinds: &[RequestKind], due: Range<Instant>) -> RequestStats {
        let mut stats = RequestStats::default();
        for request in &self.finished {
            if kinds.contains(&request.kind) && due.contains(&request.due) {
                stats.add(request);
            }
        }
        stats
    }

    /// Just after the last request was due: the end of a period that contains all of them.
    pub fn end(&self) -> Instant {
        let last = self.finished.iter().map(|request| request.due).max();
        last.unwrap_or(self.warm) + Duration::from_nanos(1)
    }
}

/// A histogram of microseconds with three significant digits.
pub fn microseconds() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_max(120_000_000, 3).unwrap_or_else(|_| unreachable!("3 digits are valid"));
    histogram.auto(true);
    histogram
}

/// A duration as a value of such a histogram.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(begun: Instant, due_ms: u64, took_ms: Option<u64>, attempts: u64) -> FinishedRequest {
        let due = begun + Duration::from_millis(due_ms);
        let succeeded = took_ms.map(|took| due + Duration::from_millis(took));
        FinishedRequest { kind: RequestKind::Browse, due, succeeded, attempts }
    }

    fn stats(record: &Record) -> RequestStats {
        record.stats(&[RequestKind::Browse], record.warm..record.end())
    }

    #[test]
    fn a_request_that_succeeded_at_the_second_attempt_has_not_failed() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::ZERO);
        record.add(request(begun, 10, Some(250), 2));
        record.add(request(begun, 20, Some(1), 1));
        record.add(request(begun, 30, None, 5));
        let stats = stats(&record);
        assert_eq!((stats.requests, stats.first_attempt_failed, stats.failed, stats.retries), (3, 2, 1, 5));
    }

    #[test]
    fn a_latency_is_counted_from_when_the_request_was_due() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::ZERO);
        record.add(request(begun, 10, Some(250), 2));
        assert_eq!(stats(&record).latencies.value_at_quantile(0.5) / 1000, 250);
    }

    #[test]
    fn the_warm_up_counts_in_the_seconds_and_in_no_metric() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::from_secs(2));
        record.add(request(begun, 2000, Some(1), 1));
        record.add(request(begun, 1999, Some(1), 1));
        assert_eq!(stats(&record).requests, 1);
        assert_eq!(record.seconds.iter().map(|second| second.requests).collect::<Vec<_>>(), [0, 1, 1]);
    }
}
