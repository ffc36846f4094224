//! All results of one run of an experiment on one stage: the source of every table and chart.

use std::{collections::BTreeMap, fmt};

use audit::Verdict as AuditVerdict;
use serde::{Deserialize, Serialize};

use crate::{
    experiment::{Expectation, FaultKind, Scale},
    machine::Machine,
    metrics,
    role::Target,
};

/// One run. A value that is `null` or absent was not measured; it never means zero.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The experiment's name.
    pub experiment: String,
    /// The question that it answers.
    pub question: String,
    /// The number of instances, if the experiment specifies it.
    #[serde(default)]
    pub scale: Scale,
    /// The chapter's number.
    pub chapter: u32,
    /// The chapter's title.
    pub title: String,
    /// Determines arrivals, choices and the times of faults.
    pub seed: u64,
    /// What it was measured on.
    pub machine: Machine,
    /// Why times and rates are left out: the load did not send what it should have, or not in time.
    pub invalid_timings: Option<String>,
    /// By name, see [`crate::metrics`].
    pub metrics: BTreeMap<String, f64>,
    /// For each kind of request.
    pub requests: Vec<RequestRow>,
    /// Each second from the end of the warm-up.
    pub timeline: Vec<Second>,
    /// The faults that were injected.
    pub faults: Vec<FaultRow>,
    /// How many attempts failed, by kind of request and cause.
    pub failed_attempts: BTreeMap<String, u64>,
    /// The results of the audit.
    pub audit: AuditRow,
    /// The expectations and the actual values.
    pub expectations: Vec<ExpectationResult>,
}

/// The result of a run in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The audit found nothing wrong and every expectation is met.
    Passed,
    /// The shop broke an invariant or missed an expectation.
    Failed,
    /// The shop did nothing wrong, but the experiment did not test what it should have.
    Inconclusive,
}

/// Requests of one kind; times in milliseconds, counted from when a request was due.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "see `load::record::RequestStats`")]
pub struct RequestRow {
    pub kind: String,
    pub requests: u64,
    pub first_attempt_failed: u64,
    pub failed: u64,
    pub retries: u64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

/// One second of the load: the requests that were due in it, and those whose first attempt succeeded.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Second {
    pub browse: u64,
    pub browse_succeeded: u64,
    pub browse_p99_ms: f64,
    pub order: u64,
    pub order_succeeded: u64,
}

/// A fault and what it interrupted. Times in seconds from the end of the warm-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "see `faults::InjectedFault`")]
pub struct FaultRow {
    pub kind: FaultKind,
    pub target: Target,
    /// The service, or the number of services. None: not applicable, no process of this stage has that role.
    pub service: Option<String>,
    pub at_s: f64,
    pub until_s: f64,
    #[serde(default)]
    pub missed: u32,
    pub in_flight: usize,
    /// Attempts that were in flight and failed.
    pub interrupted: usize,
    /// Those of them that the shop had carried out but not acknowledged.
    pub interrupted_but_done: Option<usize>,
    /// Of the requests that were due during the fault, the percentage whose first attempt succeeded.
    pub browse_success_percent: Option<f64>,
    /// The same for placing and paying.
    pub order_success_percent: Option<f64>,
    pub log: Vec<String>,
}

/// The results of the audit, by invariant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "see `audit::Report`")]
pub struct AuditRow {
    pub orders: usize,
    pub held: Vec<String>,
    /// With what was found.
    pub broken: BTreeMap<String, Vec<String>>,
    /// With what is missing.
    pub not_checkable: BTreeMap<String, String>,
    /// Those of `not_checkable` that this stage could break.
    #[serde(default)]
    pub unchecked: Vec<String>,
}

/// Invariants that only a stage with messages can break.
const OF_MESSAGES: [&str; 2] = ["nothing-poisoned", "no-double-effect"];

/// An expectation and the actual value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// For example `placed_p95_ms at most 3000`.
    pub expected: String,
    /// None: not measured.
    pub actual: Option<f64>,
    /// Whether it is within the bounds.
    pub met: bool,
    /// Whether it is about the experiment itself, and not about the shop.
    #[serde(default)]
    pub of_the_experiment: bool,
}

impl AuditRow {
    /// The results of an audit. `has_messages`: whether services of the stage send each other messages.
    pub fn of(report: &audit::Report, has_messages: bool) -> Self {
        let mut row = Self { orders: report.orders, ..Self::default() };
        for finding in &report.findings {
            let name = finding.invariant.to_owned();
            match &finding.verdict {
                AuditVerdict::Held => row.held.push(name),
                AuditVerdict::Broken { found } => drop(row.broken.insert(name, found.clone())),
                AuditVerdict::NotCheckable { why } => drop(row.not_checkable.insert(name, why.clone())),
            }
        }
        let applies = |name: &&String| has_messages || !OF_MESSAGES.contains(&name.as_str());
        row.unchecked = row.not_checkable.keys().filter(applies).cloned().collect();
        row
    }
}

impl Expectation {
    /// Compares it with the metrics. None if it is about another chapter or scale.
    pub fn judge(
        &self,
        chapter: u32,
        scale: &Scale,
        metrics: &BTreeMap<String, f64>,
    ) -> Option<ExpectationResult> {
        let is_of_others = self.chapters.as_ref().is_some_and(|chapters| !chapters.contains(&chapter))
            || self.scale.as_ref().is_some_and(|of| of != scale);
        if is_of_others {
            return None;
        }
        let actual = metrics.get(&self.metric).copied();
        let within = |actual: f64| {
            self.at_most.is_none_or(|most| actual <= most)
                && self.at_least.is_none_or(|least| actual >= least)
        };
        let bounds = [("at least", self.at_least), ("at most", self.at_most)];
        let bounds = bounds.iter().filter_map(|(word, bound)| Some(format!("{word} {}", (*bound)?)));
        Some(ExpectationResult {
            expected: format!("{} {}", self.metric, bounds.collect::<Vec<_>>().join(", ")),
            actual,
            met: actual.is_some_and(within),
            of_the_experiment: metrics::is_of_the_experiment(&self.metric),
        })
    }
}

impl Report {
    /// The experiment with its scale: `scale-out products=4`.
    pub fn name(&self) -> String {
        let scale = self.scale.iter().map(|(role, count)| format!("{role}={count}"));
        std::iter::once(self.experiment.clone()).chain(scale).collect::<Vec<_>>().join(" ")
    }

    /// Whether the shop did what it should, as far as this run can tell. Invalid timings do not matter in a debug build,
    /// whose timings mean nothing anyway.
    pub fn verdict(&self) -> Verdict {
        let timings_matter = self.machine.optimised;
        if !self.audit.broken.is_empty() || self.expectations.iter().any(ExpectationResult::is_failure) {
            Verdict::Failed
        } else if self.expectations.iter().all(|expectation| expectation.met)
            && self.audit.unchecked.is_empty()
            && (self.invalid_timings.is_none() || !timings_matter)
        {
            Verdict::Passed
        } else {
            Verdict::Inconclusive
        }
    }
}

impl ExpectationResult {
    /// Whether the shop failed it. A value that was not measured, or one about the experiment, says nothing about the shop.
    fn is_failure(&self) -> bool {
        !self.met && !self.of_the_experiment && self.actual.is_some()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed: the shop did not do what it should",
            Self::Inconclusive => {
                "inconclusive: nothing is wrong with the shop, but the experiment did not test what it should; run it again"
            }
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, Self { chapter, title, seed, question, .. }) = (self.name(), self);
        writeln!(f, "{name} on chapter {chapter}, {title} (seed {seed}): {question}")?;
        writeln!(f, "{}; commit {}\n", self.machine.describe(), self.machine.commit)?;
        self.show_requests(f)?;
        self.show_faults(f)?;
        writeln!(f)?;
        for (name, value) in &self.metrics {
            writeln!(f, "  {name:<36}{value:>12.1}")?;
        }
        self.show_audit(f)?;
        self.show_expectations(f)
    }
}

impl Report {
    fn show_requests(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:<14}{:>9}{:>22}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "", "requests", "first attempt failed", "retries", "failed", "p50 ms", "p99 ms", "max ms"
        )?;
        for row in &self.requests {
            let RequestRow { kind, requests, first_attempt_failed, retries, failed, .. } = row;
            write!(f, "  {kind:<14}{requests:>9}{first_attempt_failed:>22}{retries:>9}{failed:>9}")?;
            for time in [row.p50_ms, row.p99_ms, row.max_ms] {
                write!(f, "{:>9}", or_dash(time.map(|ms| format!("{ms:.1}"))))?;
            }
            writeln!(f)?;
        }
        let causes: Vec<_> =
            self.failed_attempts.iter().map(|(cause, count)| format!("{count} × {cause}")).collect();
        if causes.is_empty() { Ok(()) } else { writeln!(f, "\n  failed attempts: {}", causes.join("; ")) }
    }

    fn show_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n  {:<18}{:<11}{:>7}{:>7}{:>8}{:>11}{:>13}{:>6}{:>16}{:>15}",
            "fault",
            "service",
            "at s",
            "end s",
            "missed",
            "in flight",
            "interrupted",
            "done",
            "browse success",
            "order success"
        )?;
        let percent = |share: Option<f64>| or_dash(share.map(|share| format!("{share:.1} %")));
        for row in &self.faults {
            let fault = format!("{} {}", row.kind, row.target);
            match &row.service {
                None => writeln!(f, "  {fault:<18}not applicable: no process of this stage has that role")?,
                Some(service) => writeln!(
                    f,
                    "  {fault:<18}{service:<11}{:>7.1}{:>7.1}{:>8}{:>11}{:>13}{:>6}{:>16}{:>15}",
                    row.at_s,
                    row.until_s,
                    row.missed,
                    row.in_flight,
                    row.interrupted,
                    or_dash(row.interrupted_but_done.map(|done| done.to_string())),
                    percent(row.browse_success_percent),
                    percent(row.order_success_percent)
                )?,
            }
        }
        f.write_str(FAULT_COLUMNS)
    }

    fn show_audit(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditRow { orders, held, broken, not_checkable, unchecked } = &self.audit;
        writeln!(
            f,
            "\n  audit of {orders} orders: {} invariants held, {} broken, {} not checkable",
            held.len(),
            broken.len(),
            not_checkable.len()
        )?;
        for (invariant, found) in broken {
            let first = found.first().map_or("", String::as_str);
            writeln!(f, "  ✘ {invariant} broken {} times, first: {first}", found.len())?;
        }
        for (invariant, why) in not_checkable.iter().filter(|(invariant, _)| unchecked.contains(invariant)) {
            writeln!(f, "  ? {invariant} not checkable: {why}")?;
        }
        Ok(())
    }

    fn show_expectations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for result in &self.expectations {
            let ExpectationResult { expected, actual, met, of_the_experiment } = result;
            let actual = actual.map_or_else(|| "not measured".to_owned(), |actual| format!("{actual:.1}"));
            let (mark, note) = match (met, result.is_failure(), of_the_experiment) {
                (true, ..) => ('✔', ""),
                (_, true, _) => ('✘', ""),
                (.., false) => ('?', ""),
                (.., true) => ('?', ", which is about the experiment, not the shop"),
            };
            writeln!(f, "  {mark} {expected}: {actual}{note}")?;
        }
        if let Some(reason) = &self.invalid_timings {
            let mark = if self.machine.optimised { '?' } else { '-' };
            writeln!(f, "  {mark} times and rates are left out: {reason}")?;
        }
        writeln!(f, "\n  {}", self.verdict())
    }
}

/// What the columns of the table of faults mean.
const FAULT_COLUMNS: &str = "
  missed: earlier kills that interrupted no write, so that the kill was repeated
  interrupted: attempts that were in flight and failed; done: those that the shop had carried out but not acknowledged
  browse success, order success: requests due during the fault whose first attempt succeeded
";

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use audit::Finding;
    use serde_json::json;

    use super::*;

    fn expectation(chapters: Option<Vec<u32>>) -> Expectation {
        let metric = "placed_p95_ms".to_owned();
        Expectation { metric, at_most: Some(3000.0), at_least: None, chapters, scale: None }
    }

    #[test]
    fn a_metric_that_was_not_measured_meets_no_expectation() {
        let result = expectation(None).judge(1, &Scale::new(), &BTreeMap::new()).unwrap();
        assert_eq!((result.actual, result.met), (None, false));
        assert_eq!(result.expected, "placed_p95_ms at most 3000");
    }

    #[test]
    fn a_value_equal_to_the_bound_meets_the_expectation() {
        let is_met = |actual| {
            let metrics = [("placed_p95_ms".to_owned(), actual)].into();
            expectation(None).judge(1, &Scale::new(), &metrics).unwrap().met
        };
        assert!(is_met(3000.0) && !is_met(3000.1));
    }

    #[test]
    fn an_expectation_of_one_scale_does_not_apply_to_another() {
        let of = |instances| Scale::from([(Target::Products, instances)]);
        let expected = Expectation { scale: Some(of(4)), ..expectation(None) };
        assert!(expected.judge(8, &of(4), &BTreeMap::new()).is_some());
        assert!(expected.judge(8, &of(2), &BTreeMap::new()).is_none());
    }

    #[test]
    fn an_expectation_of_one_chapter_does_not_apply_to_another() {
        assert!(expectation(Some(vec![8])).judge(1, &Scale::new(), &BTreeMap::new()).is_none());
        assert!(expectation(Some(vec![8])).judge(8, &Scale::new(), &BTreeMap::new()).is_some());
    }

    #[test]
    fn an_invariant_that_the_stage_cannot_break_need_not_be_checkable() {
        let finding =
            |invariant| Finding { invariant, verdict: AuditVerdict::NotCheckable { why: String::new() } };
        let audit = audit::Report {
            orders: 0,
            products: 0,
            charges: None,
            redeliveries: None,
            waited_ms: 0,
            findings: ["money-matches", "nothing-poisoned", "no-double-effect"].map(finding).into(),
        };
        assert_eq!(AuditRow::of(&audit, false).unchecked, ["money-matches"]);
        assert_eq!(AuditRow::of(&audit, true).unchecked.len(), 3);
    }

    /// A report of a release build with nothing wrong, changed by `change`.
    fn verdict(change: impl FnOnce(&mut Report)) -> Verdict {
        let report = json!({
            "experiment": "calm", "question": "?", "chapter": 1, "title": "T", "seed": 1, "invalid_timings": null,
            "machine": {
                "at": "2026-01-01T00:00:00Z", "commit": "abc", "processor": "P", "cores": 2, "pinning": "none",
                "memory_mb": 8192, "system": "S", "rustc": "rustc 1", "optimised": true,
            },
            "metrics": {}, "requests": [], "timeline": [], "faults": [], "failed_attempts": {}, "expectations": [],
            "audit": { "orders": 0, "held": [], "broken": {}, "not_checkable": {} },
        });
        let mut report: Report = serde_json::from_value(report).unwrap();
        change(&mut report);
        report.verdict()
    }

    fn unmet(metric: &str) -> ExpectationResult {
        let expected = Expectation { metric: metric.to_owned(), ..expectation(None) };
        expected.judge(1, &Scale::new(), &[(metric.to_owned(), 3001.0)].into()).unwrap()
    }

    #[test]
    fn a_fault_that_interrupted_nothing_is_inconclusive_and_a_shop_that_lost_something_failed() {
        let missed = |report: &mut Report| report.expectations.push(unmet("faults_hit"));
        let broken =
            |report: &mut Report| drop(report.audit.broken.insert("nothing-lost".to_owned(), vec![]));
        assert_eq!(verdict(|_| {}), Verdict::Passed);
        assert_eq!(verdict(missed), Verdict::Inconclusive);
        assert_eq!(verdict(broken), Verdict::Failed);
        assert_eq!(verdict(|report| report.expectations.push(unmet("orders_stuck"))), Verdict::Failed);
        let both = |report: &mut Report| {
            missed(report);
            broken(report);
        };
        assert_eq!(verdict(both), Verdict::Failed);
    }

    #[test]
    fn invalid_timings_matter_in_a_release_build_only() {
        let late = |report: &mut Report| report.invalid_timings = Some("late".to_owned());
        assert_eq!(verdict(late), Verdict::Inconclusive);
        let late_in_debug = |report: &mut Report| {
            late(report);
            report.machine.optimised = false;
        };
        assert_eq!(verdict(late_in_debug), Verdict::Passed);
    }
}
