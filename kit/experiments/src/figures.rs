//! The numbers of a report, by name: what experiments expect something of, and tables and charts show.

use std::{collections::BTreeMap, time::Instant};

use audit::Journal;
use hdrhistogram::Histogram;
use load::{Kind, Outcome, record::Figures, settled::Settled};

use crate::{faults::Done, report::Second, usage::Usage};

/// Every figure, and whether it is a time or a rate: of those, none is given when the load was not what it should have been.
const KNOWN: [(&str, bool); 32] = [
    ("browse_per_second", true),
    ("browse_p50_ms", true),
    ("browse_p99_ms", true),
    ("browse_answered_percent", false), // at the first attempt
    ("browse_answered_in_faults_percent", false),
    ("log_in_per_second", true),
    ("log_in_p50_ms", true),
    ("log_in_p99_ms", true),
    ("log_in_answered_percent", false),
    ("orders_answered_percent", false), // placing and paying
    ("orders_answered_in_faults_percent", false),
    ("placed", false),
    ("placed_per_second", true),
    ("placed_p50_ms", true),
    ("placed_p95_ms", true),
    ("placed_p99_ms", true),
    ("checked_out", false),
    ("checked_out_p50_ms", true),
    ("checked_out_p95_ms", true),
    ("rejected", false),
    ("stuck", false),
    ("sold_of_promotion", false),
    ("failed", false),  // questions that were given up
    ("retries", false), // attempts after the first
    ("faults_done", false),
    ("faults_hit", false),   // those that cut off something
    ("cut", false),          // attempts that a fault cut off
    ("cut_done", false),     // of those cut, what the shop had done and had not said
    ("redeliveries", false), // messages that NATS delivered again
    ("memory_mb", false),
    ("processes", false),
    ("stage_core_percent", true),
];
/// What the load took, which is no figure of the stage.
const OF_THE_LOAD: [&str; 3] = ["load_core_percent", "load_ceiling_per_second", "load_late_p99_ms"];

/// Whether there is a figure of that name.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name) || OF_THE_LOAD.contains(&name)
}

/// All names, for people.
pub fn known() -> String {
    KNOWN.iter().map(|(name, _)| *name).chain(OF_THE_LOAD).collect::<Vec<_>>().join(", ")
}

/// What it is measured from.
#[derive(Debug)]
#[expect(missing_docs, reason = "their types say it")]
pub struct Sources<'a> {
    pub outcome: &'a Outcome,
    pub settled: &'a Settled,
    pub faults: &'a [Done],
    pub journal: &'a Journal,
    pub usage: &'a Usage,
    pub sold: Option<u64>,
    pub redeliveries: Option<u64>,
}

/// All figures that there are. Without times and rates where the load is not `sound`.
pub fn of(sources: &Sources, sound: bool) -> BTreeMap<String, f64> {
    let mut sheet = Sheet { sources, sound, figures: BTreeMap::new() };
    sheet.questions();
    sheet.orders();
    sheet.faults();
    sheet.machine();
    sheet.figures
}

/// The figures so far.
struct Sheet<'a> {
    sources: &'a Sources<'a>,
    sound: bool,
    figures: BTreeMap<String, f64>,
}

impl Sheet<'_> {
    fn put(&mut self, name: &str, value: Option<f64>) {
        let is_time = KNOWN.iter().any(|(known, is_time)| *known == name && *is_time);
        debug_assert!(is_known(name), "{name} is in no list");
        if let Some(value) = value.filter(|_| self.sound || !is_time) {
            self.figures.insert(name.to_owned(), value);
        }
    }

    /// Of the questions of some kinds that count.
    fn of(&self, kinds: &[Kind]) -> Figures {
        let record = &self.sources.outcome.record;
        record.figures(kinds, record.warm..record.end())
    }

    fn seconds(&self) -> f64 {
        let record = &self.sources.outcome.record;
        (record.end() - record.warm).as_secs_f64()
    }

    fn questions(&mut self) {
        for (name, kind) in [("browse", Kind::Browse), ("log_in", Kind::LogIn)] {
            let figures = self.of(&[kind]);
            let well = figures.asked - figures.failed;
            self.put(&format!("{name}_per_second"), some(figures.asked, well as f64 / self.seconds()));
            self.put(&format!("{name}_p50_ms"), quantile(&figures.latencies, 0.5));
            self.put(&format!("{name}_p99_ms"), quantile(&figures.latencies, 0.99));
            self.put(&format!("{name}_answered_percent"), answered(&figures));
        }
        let all = self.of(&Kind::ALL);
        self.put("failed", Some(all.failed as f64));
        self.put("retries", Some(all.retries as f64));
    }

    fn orders(&mut self) {
        let (settled, orders) = (self.sources.settled, self.of(&ORDERS));
        let count = |count: u64| some(orders.asked, count as f64);
        self.put("orders_answered_percent", answered(&orders));
        self.put("placed", count(settled.placed.len()));
        self.put("placed_per_second", some(orders.asked, settled.placed.len() as f64 / self.seconds()));
        for (name, share) in [("placed_p50_ms", 0.5), ("placed_p95_ms", 0.95), ("placed_p99_ms", 0.99)] {
            self.put(name, quantile(&settled.placed, share));
        }
        self.put("checked_out", count(settled.checked_out.len()));
        self.put("checked_out_p50_ms", quantile(&settled.checked_out, 0.5));
        self.put("checked_out_p95_ms", quantile(&settled.checked_out, 0.95));
        self.put("rejected", count(settled.rejected));
        self.put("stuck", count(settled.stuck));
        self.put("sold_of_promotion", self.sources.sold.map(|units| units as f64));
    }

    fn faults(&mut self) {
        let record = &self.sources.outcome.record;
        if self.sources.faults.is_empty() {
            return;
        }
        let done: Vec<_> = self.sources.faults.iter().filter(|fault| !fault.services.is_empty()).collect();
        self.put("faults_done", Some(done.len() as f64));
        let cut: Vec<_> = done.iter().map(|fault| record.cut_at(fault.at)).collect();
        self.put("cut", Some(cut.iter().sum::<usize>() as f64));
        self.put("faults_hit", Some(cut.iter().filter(|cut| **cut > 0).count() as f64));
        let of_them_done = done.iter().map(|fault| self.sources.journal.done_unsaid(fault.moment));
        self.put("cut_done", Some(of_them_done.sum::<usize>() as f64));
        for (name, kinds) in [
            ("browse_answered_in_faults_percent", &[Kind::Browse][..]),
            ("orders_answered_in_faults_percent", &ORDERS),
        ] {
            let windows = done.iter().map(|fault| record.figures(kinds, fault.at..fault.until));
            let (asked, failed) = windows.fold((0, 0), |(asked, failed), figures| {
                (asked + figures.asked, failed + figures.failed_at_first)
            });
            self.put(name, some(asked, 100.0 * (1.0 - failed as f64 / asked as f64)));
        }
        self.put("redeliveries", self.sources.redeliveries.map(|count| count as f64));
    }

    fn machine(&mut self) {
        let Sources { outcome, usage, .. } = self.sources;
        let share = usage.core_time.as_secs_f64() / outcome.took.as_secs_f64();
        self.put("memory_mb", usage.memory.map(|bytes| bytes as f64 / 1e6));
        self.put("processes", Some(usage.processes as f64));
        self.put("stage_core_percent", Some(100.0 * share));
        self.put("load_core_percent", Some(100.0 * outcome.core_share()));
        self.put("load_ceiling_per_second", Some(outcome.ceiling()));
        self.put("load_late_p99_ms", quantile(&outcome.record.lateness, 0.99));
    }
}

/// What counts as ordering: no customer waits for anything else to have bought.
pub const ORDERS: [Kind; 2] = [Kind::Place, Kind::Pay];

/// The load, second by second from the end of the warm-up.
pub fn timeline(outcome: &Outcome) -> Vec<Second> {
    let record = &outcome.record;
    let second = std::time::Duration::from_secs(1);
    let mut starts = Vec::new();
    let mut start = record.warm;
    while start < record.end() {
        starts.push(start);
        start += second;
    }
    starts.into_iter().map(|start| one_second(outcome, start, start + second)).collect()
}

fn one_second(outcome: &Outcome, from: Instant, to: Instant) -> Second {
    let browse = outcome.record.figures(&[Kind::Browse], from..to);
    let orders = outcome.record.figures(&ORDERS, from..to);
    Second {
        browse: browse.asked,
        browse_answered: browse.asked - browse.failed_at_first,
        browse_p99_ms: quantile(&browse.latencies, 0.99).unwrap_or(0.0),
        orders: orders.asked,
        orders_answered: orders.asked - orders.failed_at_first,
    }
}

/// A quantile in milliseconds. None of nothing.
pub fn quantile(microseconds: &Histogram<u64>, share: f64) -> Option<f64> {
    some(microseconds.len(), microseconds.value_at_quantile(share) as f64 / 1000.0)
}

/// The share of questions that were well answered at the first attempt, in percent. None of none.
pub fn answered(figures: &Figures) -> Option<f64> {
    some(figures.asked, 100.0 * (1.0 - figures.failed_at_first as f64 / figures.asked as f64))
}

/// A value that means something if there was anything to measure.
fn some(count: u64, value: f64) -> Option<f64> {
    (count > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_there_is_no_figure_and_not_zero() {
        assert_eq!(quantile(&load::record::microseconds(), 0.99), None);
        assert_eq!(answered(&Figures::default()), None);
    }

    #[test]
    fn what_failed_at_first_was_not_well_answered_even_if_it_was_later() {
        let figures = Figures { asked: 200, failed_at_first: 3, retries: 5, ..Figures::default() };
        assert_eq!(answered(&figures), Some(98.5));
    }
}
