//! The numbers of a report, by name: experiments bound them, and tables and charts show them.

use std::{collections::BTreeMap, ops::Range, time::Instant};

use audit::Journal;
use hdrhistogram::Histogram;
use load::{Outcome, RequestKind, order_times::OrderTimes, record::RequestStats};

use crate::{faults::InjectedFault, report::Second, usage::Usage};

/// Metrics of the shop that do not depend on time: valid even if the load fell behind its schedule.
const COUNTS: [&str; 21] = [
    "browse_success_percent", // requests whose first attempt succeeded
    "browse_success_in_faults_percent",
    "log_in_success_percent",
    "order_success_percent", // placing and paying
    "order_success_in_faults_percent",
    "orders_placed",      // their stock is held
    "orders_checked_out", // they are paid
    "orders_rejected",
    "orders_stuck", // still pending, paying or refunding after the audit
    "promotion_units_sold",
    "failed", // requests that failed after retries
    "retries",
    "interrupted_but_done", // interrupted attempts that the shop had carried out but not acknowledged
    "redeliveries",         // messages that NATS delivered again
    "memory_mb",
    "processes",
    // The experiment itself, see `OF_THE_EXPERIMENT`.
    "faults_injected",
    "faults_hit",  // faults that interrupted at least one write
    "interrupted", // attempts that a fault interrupted
    "load_cpu_percent",
    "load_max_per_second",
];
/// Metrics that are times or rates: left out if the load fell behind its schedule.
const TIMINGS: [&str; 15] = [
    "browse_per_second",
    "browse_p50_ms",
    "browse_p99_ms",
    "log_in_per_second",
    "log_in_p50_ms",
    "log_in_p99_ms",
    "orders_placed_per_second",
    "placed_p50_ms",
    "placed_p95_ms",
    "placed_p99_ms",
    "placed_in_faults_p99_ms",
    "checked_out_p50_ms",
    "checked_out_p95_ms",
    "stage_cpu_percent", // of one core
    "load_lag_p99_ms",
];
/// Metrics of the experiment and not of the shop: an expectation of these that is not met says nothing about the shop.
const OF_THE_EXPERIMENT: [&str; 6] = [
    "faults_injected",
    "faults_hit",
    "interrupted",
    "load_cpu_percent",
    "load_max_per_second",
    "load_lag_p99_ms",
];

/// Whether there is a metric of that name.
pub fn is_known(name: &str) -> bool {
    known().contains(&name)
}

/// All names.
pub fn known() -> Vec<&'static str> {
    COUNTS.into_iter().chain(TIMINGS).collect()
}

/// Whether a metric is about the experiment itself, and not about the shop.
pub fn is_of_the_experiment(name: &str) -> bool {
    OF_THE_EXPERIMENT.contains(&name)
}

/// What the metrics are computed from.
#[derive(Debug)]
#[expect(missing_docs, reason = "see their types")]
pub struct Sources<'a> {
    pub outcome: &'a Outcome,
    pub order_times: &'a OrderTimes,
    pub faults: &'a [InjectedFault],
    pub journal: &'a Journal,
    pub usage: &'a Usage,
    pub promotion_units_sold: Option<u64>,
    pub redeliveries: Option<u64>,
}

/// All metrics that could be measured, without timings unless `timings_are_valid`.
pub fn compute(sources: &Sources, timings_are_valid: bool) -> BTreeMap<String, f64> {
    let mut metrics = Metrics { sources, timings_are_valid, values: BTreeMap::new() };
    metrics.requests();
    metrics.orders();
    metrics.faults();
    metrics.machine();
    metrics.values
}

struct Metrics<'a> {
    sources: &'a Sources<'a>,
    timings_are_valid: bool,
    values: BTreeMap<String, f64>,
}

impl Metrics<'_> {
    fn put(&mut self, name: &str, value: Option<f64>) {
        debug_assert!(is_known(name), "{name} is in no list");
        if let Some(value) = value.filter(|_| self.timings_are_valid || !TIMINGS.contains(&name)) {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// The requests of some kinds after the warm-up.
    fn stats(&self, kinds: &[RequestKind]) -> RequestStats {
        let record = &self.sources.outcome.record;
        record.stats(kinds, record.warm..record.end())
    }

    fn seconds(&self) -> f64 {
        let record = &self.sources.outcome.record;
        (record.end() - record.warm).as_secs_f64()
    }

    fn requests(&mut self) {
        for (name, kind) in [("browse", RequestKind::Browse), ("log_in", RequestKind::LogIn)] {
            let stats = self.stats(&[kind]);
            let succeeded = stats.requests - stats.failed;
            self.put(
                &format!("{name}_per_second"),
                if_any(stats.requests, succeeded as f64 / self.seconds()),
            );
            self.put(&format!("{name}_p50_ms"), quantile(&stats.latencies, 0.5));
            self.put(&format!("{name}_p99_ms"), quantile(&stats.latencies, 0.99));
            self.put(&format!("{name}_success_percent"), success_percent(&stats));
        }
        let all = self.stats(&RequestKind::ALL);
        self.put("failed", Some(all.failed as f64));
        self.put("retries", Some(all.retries as f64));
    }

    fn orders(&mut self) {
        let (times, requests) = (self.sources.order_times, self.stats(&ORDERING));
        let count = |count: u64| if_any(requests.requests, count as f64);
        let placed = times.placed.len() as u64;
        self.put("order_success_percent", success_percent(&requests));
        self.put("orders_placed", count(placed));
        self.put("orders_placed_per_second", if_any(requests.requests, placed as f64 / self.seconds()));
        let record = &self.sources.outcome.record;
        let all = times.placed_during(&[record.warm..record.end()]);
        for (name, share) in [("placed_p50_ms", 0.5), ("placed_p95_ms", 0.95), ("placed_p99_ms", 0.99)] {
            self.put(name, quantile(&all, share));
        }
        self.put("orders_checked_out", count(times.checked_out.len()));
        self.put("checked_out_p50_ms", quantile(&times.checked_out, 0.5));
        self.put("checked_out_p95_ms", quantile(&times.checked_out, 0.95));
        self.put("orders_rejected", count(times.rejected));
        self.put("orders_stuck", count(times.stuck));
        self.put("promotion_units_sold", self.sources.promotion_units_sold.map(|units| units as f64));
    }

    fn faults(&mut self) {
        let Sources { outcome, order_times, journal, .. } = self.sources;
        if self.sources.faults.is_empty() {
            return;
        }
        let injected = || self.sources.faults.iter().filter(|fault| !fault.services.is_empty());
        let periods: Vec<Range<Instant>> = injected().map(|fault| fault.at..fault.until).collect();
        let interrupted: Vec<_> = injected().map(|fault| outcome.traffic.interrupted_at(fault.at)).collect();
        let done: usize = injected().map(|fault| journal.completed_without_response(fault.moment)).sum();
        let success = |kinds: &[RequestKind]| {
            let stats = periods.iter().map(|period| outcome.record.stats(kinds, period.clone()));
            let (requests, failed) = stats.fold((0, 0), |(requests, failed), stats| {
                (requests + stats.requests, failed + stats.first_attempt_failed)
            });
            if_any(requests, 100.0 * (1.0 - failed as f64 / requests as f64))
        };
        let (browse, order) = (success(&[RequestKind::Browse]), success(&ORDERING));
        let placed_p99 = quantile(&order_times.placed_during(&periods), 0.99);
        self.put("faults_injected", Some(periods.len() as f64));
        self.put("faults_hit", Some(interrupted.iter().filter(|hit| hit.writes > 0).count() as f64));
        self.put("interrupted", Some(interrupted.iter().map(|hit| hit.attempts).sum::<usize>() as f64));
        self.put("interrupted_but_done", Some(done as f64));
        self.put("browse_success_in_faults_percent", browse);
        self.put("order_success_in_faults_percent", order);
        self.put("placed_in_faults_p99_ms", placed_p99);
        self.put("redeliveries", self.sources.redeliveries.map(|count| count as f64));
    }

    fn machine(&mut self) {
        let Sources { outcome, usage, .. } = self.sources;
        let share = usage.cpu_time.as_secs_f64() / outcome.took.as_secs_f64();
        self.put("memory_mb", usage.memory.map(|bytes| bytes as f64 / 1e6));
        self.put("processes", Some(usage.processes as f64));
        self.put("stage_cpu_percent", Some(100.0 * share));
        self.put("load_cpu_percent", Some(100.0 * outcome.cpu_share()));
        self.put("load_max_per_second", Some(outcome.max_per_second()));
        self.put("load_lag_p99_ms", quantile(&outcome.record.lag, 0.99));
    }
}

/// The requests that buying consists of.
pub const ORDERING: [RequestKind; 2] = [RequestKind::Place, RequestKind::Pay];

/// The load, second by second from the end of the warm-up.
pub fn timeline(outcome: &Outcome) -> Vec<Second> {
    let record = &outcome.record;
    let second = std::time::Duration::from_secs(1);
    let starts = std::iter::successors(Some(record.warm), |start| Some(*start + second));
    let starts = starts.take_while(|start| *start < record.end());
    starts.map(|start| one_second(outcome, start..start + second)).collect()
}

fn one_second(outcome: &Outcome, second: Range<Instant>) -> Second {
    let browse = outcome.record.stats(&[RequestKind::Browse], second.clone());
    let order = outcome.record.stats(&ORDERING, second);
    Second {
        browse: browse.requests,
        browse_succeeded: browse.requests - browse.first_attempt_failed,
        browse_p99_ms: quantile(&browse.latencies, 0.99).unwrap_or(0.0),
        order: order.requests,
        order_succeeded: order.requests - order.first_attempt_failed,
    }
}

/// A quantile in milliseconds. None if the histogram is empty.
pub fn quantile(microseconds: &Histogram<u64>, share: f64) -> Option<f64> {
    if_any(microseconds.len(), microseconds.value_at_quantile(share) as f64 / 1000.0)
}

/// The percentage of requests whose first attempt succeeded. None if there were no requests.
pub fn success_percent(stats: &RequestStats) -> Option<f64> {
    if_any(stats.requests, 100.0 * (1.0 - stats.first_attempt_failed as f64 / stats.requests as f64))
}

/// A value that is only meaningful if there was something to measure.
fn if_any(count: u64, value: f64) -> Option<f64> {
    (count > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_requests_a_metric_is_absent_and_not_zero() {
        assert_eq!(quantile(&load::record::microseconds(), 0.99), None);
        assert_eq!(success_percent(&RequestStats::default()), None);
    }

    #[test]
    fn a_request_that_succeeded_after_a_retry_is_not_a_success_of_the_first_attempt() {
        let stats =
            RequestStats { requests: 200, first_attempt_failed: 3, retries: 5, ..RequestStats::default() };
        assert_eq!(success_percent(&stats), Some(98.5));
    }

    #[test]
    fn every_metric_of_the_experiment_is_known() {
        assert!(OF_THE_EXPERIMENT.iter().all(|name| is_known(name)));
    }
}
