//! All that came of one run of an experiment on one stage: the source of every table and chart.

use std::{collections::BTreeMap, fmt};

use audit::Verdict;
use serde::{Deserialize, Serialize};

use crate::{
    duty::Target,
    experiment::{Deed, Expectation, Scale},
    machine::Machine,
};

/// One run. What is `null` or absent was not measured, and never means zero.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The experiment's name, and the question it answers.
    pub experiment: String,
    /// See [`Report::experiment`].
    pub question: String,
    /// Instances, where the experiment says how many.
    #[serde(default)]
    pub scale: Scale,
    /// The chapter's number and title.
    pub chapter: u32,
    /// See [`Report::chapter`].
    pub title: String,
    /// Visitors, choices and faults follow from it.
    pub seed: u64,
    /// What it was measured on.
    pub machine: Machine,
    /// Why the figures that are times or rates are not given: the load was not what it should have been.
    pub refused: Option<String>,
    /// By name, see [`crate::figures`].
    pub figures: BTreeMap<String, f64>,
    /// For each kind of question.
    pub kinds: Vec<KindRow>,
    /// Each second from the end of the warm-up.
    pub timeline: Vec<Second>,
    /// What was done to the stage.
    pub faults: Vec<FaultRow>,
    /// Why attempts failed, and how many.
    pub causes: BTreeMap<String, u64>,
    /// What the audit said.
    pub audit: AuditRow,
    /// What was expected, and what came.
    pub expectations: Vec<Judged>,
}

/// Of questions of one kind; times in milliseconds, from when they were due.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`load::record::Figures` says it")]
pub struct KindRow {
    pub kind: String,
    pub asked: u64,
    pub failed_at_first: u64,
    pub failed: u64,
    pub retries: u64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

/// One second of the load: questions that were due in it, and those whose first attempt was well answered.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Second {
    pub browse: u64,
    pub browse_answered: u64,
    pub browse_p99_ms: f64,
    pub orders: u64,
    pub orders_answered: u64,
}

/// A fault and what it hit. Times in seconds from the end of the warm-up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`faults::Done` says it")]
pub struct FaultRow {
    pub deed: Deed,
    pub to: Target,
    /// Or how many services. None: not applicable, this stage has nobody with that duty.
    pub service: Option<String>,
    pub at_s: f64,
    pub until_s: f64,
    pub in_flight: usize,
    /// Attempts that were under way and not well answered.
    pub cut: usize,
    /// Those of them that the shop had done and had not said.
    pub cut_done: Option<usize>,
    /// Of the questions that were due while it lasted, the share whose first attempt was well answered; percent.
    pub browse_answered_percent: Option<f64>,
    /// See [`FaultRow::browse_answered_percent`]; placing and paying.
    pub orders_answered_percent: Option<f64>,
    pub said: Vec<String>,
}

/// What the audit said, by invariant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "`audit::Report` says it")]
pub struct AuditRow {
    pub orders: usize,
    pub held: Vec<String>,
    /// Each with what was found.
    pub broken: BTreeMap<String, Vec<String>>,
    /// Each with what is missing.
    pub not_checkable: BTreeMap<String, String>,
    /// Those of them that are about something the stage has.
    #[serde(default)]
    pub unjudged: Vec<String>,
}

/// What only a stage with messages can break.
const OF_MESSAGES: [&str; 2] = ["nothing-poisoned", "no-double-effect"];

/// An expectation and what came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// For example `placed_p95_ms at most 3000`.
    pub expected: String,
    /// None: not measured.
    pub got: Option<f64>,
    /// Whether it is within the bounds.
    pub met: bool,
}

impl AuditRow {
    /// Of an audit; `messages`: whether services of the stage send each other any.
    pub fn of(report: &audit::Report, messages: bool) -> Self {
        let mut row = Self { orders: report.orders, ..Self::default() };
        for finding in &report.findings {
            let name = finding.invariant.to_owned();
            match &finding.verdict {
                Verdict::Held => row.held.push(name),
                Verdict::Broken { found } => drop(row.broken.insert(name, found.clone())),
                Verdict::NotCheckable { why } => drop(row.not_checkable.insert(name, why.clone())),
            }
        }
        let concerns = |name: &&String| messages || !OF_MESSAGES.contains(&name.as_str());
        row.unjudged = row.not_checkable.keys().filter(concerns).cloned().collect();
        row
    }
}

impl Expectation {
    /// Whether the figures are as expected. None: nothing is expected of this chapter at this scale.
    pub fn judge(&self, chapter: u32, scale: &Scale, figures: &BTreeMap<String, f64>) -> Option<Judged> {
        let is_of_others = self.chapters.as_ref().is_some_and(|chapters| !chapters.contains(&chapter))
            || self.scale.as_ref().is_some_and(|of| of != scale);
        if is_of_others {
            return None;
        }
        let got = figures.get(&self.figure).copied();
        let within = |got: f64| {
            self.at_most.is_none_or(|most| got <= most) && self.at_least.is_none_or(|least| got >= least)
        };
        let bounds = [("at least", self.at_least), ("at most", self.at_most)];
        let bounds = bounds.iter().filter_map(|(word, bound)| Some(format!("{word} {}", (*bound)?)));
        let expected = format!("{} {}", self.figure, bounds.collect::<Vec<_>>().join(", "));
        Some(Judged { expected, got, met: got.is_some_and(within) })
    }
}

impl Report {
    /// The experiment with its scale: `scale-out products=4`.
    pub fn name(&self) -> String {
        let scale = self.scale.iter().map(|(duty, count)| format!("{duty}={count}"));
        std::iter::once(self.experiment.clone()).chain(scale).collect::<Vec<_>>().join(" ")
    }

    /// Whether the audit is green and has seen everything, and all is as expected. That times are refused is no fault of a
    /// debug build's: none of its own is worth quoting.
    pub fn is_good(&self) -> bool {
        (self.refused.is_none() || !self.machine.optimised)
            && self.audit.broken.is_empty()
            && self.audit.unjudged.is_empty()
            && self.expectations.iter().all(|judged| judged.met)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} on chapter {}, {} (seed {}): {}",
            self.name(),
            self.chapter,
            self.title,
            self.seed,
            self.question
        )?;
        writeln!(f, "{}; commit {}\n", self.machine.describe(), self.machine.commit)?;
        writeln!(
            f,
            "  {:<14}{:>8}{:>16}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "", "asked", "failed at first", "retries", "failed", "p50 ms", "p99 ms", "max ms"
        )?;
        for row in &self.kinds {
            write!(
                f,
                "  {:<14}{:>8}{:>16}{:>9}{:>9}",
                row.kind, row.asked, row.failed_at_first, row.retries, row.failed
            )?;
            for time in [row.p50_ms, row.p99_ms, row.max_ms] {
                write!(f, "{:>9}", time.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}")))?;
            }
            writeln!(f)?;
        }
        if !self.causes.is_empty() {
            let causes: Vec<_> =
                self.causes.iter().map(|(cause, count)| format!("{count} × {cause}")).collect();
            writeln!(f, "\n  attempts that failed: {}", causes.join("; "))?;
        }
        self.show_faults(f)?;
        writeln!(f)?;
        for (name, value) in &self.figures {
            writeln!(f, "  {name:<36}{value:>12.1}")?;
        }
        self.show_verdicts(f)
    }
}

impl Report {
    fn show_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n  {:<18}{:<10}{:>8}{:>8}{:>11}{:>6}{:>6}{:>16}{:>16}",
            "fault", "done to", "at s", "over s", "in flight", "cut", "done", "browsing ok", "ordering ok"
        )?;
        let percent =
            |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"));
        for row in &self.faults {
            let fault = format!("{} {}", row.deed, row.to);
            match &row.service {
                None => writeln!(f, "  {fault:<18}not applicable: this stage has none")?,
                Some(service) => writeln!(
                    f,
                    "  {fault:<18}{service:<10}{:>8.1}{:>8.1}{:>11}{:>6}{:>6}{:>16}{:>16}",
                    row.at_s,
                    row.until_s,
                    row.in_flight,
                    row.cut,
                    row.cut_done.map_or_else(|| "-".to_owned(), |done| done.to_string()),
                    percent(row.browse_answered_percent),
                    percent(row.orders_answered_percent)
                )?,
            }
        }
        Ok(())
    }

    fn show_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AuditRow { orders, held, broken, not_checkable, unjudged } = &self.audit;
        writeln!(
            f,
            "\n  audit of {orders} orders: {} held, {} broken, {} not checkable",
            held.len(),
            broken.len(),
            not_checkable.len()
        )?;
        for (invariant, found) in broken {
            writeln!(
                f,
                "  ✘ {invariant}: {} ({} in all)",
                found.first().map_or("", String::as_str),
                found.len()
            )?;
        }
        for (invariant, why) in not_checkable.iter().filter(|(invariant, _)| unjudged.contains(invariant)) {
            writeln!(f, "  ✘ {invariant}: not checkable: {why}")?;
        }
        for Judged { expected, got, met } in &self.expectations {
            let got = got.map_or_else(|| "not measured".to_owned(), |got| format!("{got:.1}"));
            writeln!(f, "  {} {expected}: {got}", if *met { "✔" } else { "✘" })?;
        }
        match &self.refused {
            Some(reason) => {
                let mark = if self.machine.optimised { '✘' } else { '-' };
                writeln!(f, "  {mark} times and rates are refused: {reason}")
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use audit::Finding;
    use serde_json::json;

    use super::*;

    fn expectation(chapters: Option<Vec<u32>>) -> Expectation {
        let figure = "placed_p95_ms".to_owned();
        Expectation { figure, at_most: Some(3000.0), at_least: None, chapters, scale: None }
    }

    #[test]
    fn a_figure_that_was_not_measured_meets_no_expectation() {
        let judged = expectation(None).judge(1, &Scale::new(), &BTreeMap::new()).unwrap();
        assert_eq!((judged.got, judged.met), (None, false));
        assert_eq!(judged.expected, "placed_p95_ms at most 3000");
    }

    #[test]
    fn a_bound_is_met_up_to_its_edge() {
        let judge = |got| {
            expectation(None)
                .judge(1, &Scale::new(), &[("placed_p95_ms".to_owned(), got)].into())
                .unwrap()
                .met
        };
        assert!(judge(3000.0) && !judge(3000.1));
    }

    #[test]
    fn nothing_is_expected_with_other_instances() {
        let of = |instances| Scale::from([(Target::Products, instances)]);
        let expected = Expectation { scale: Some(of(4)), ..expectation(None) };
        assert!(expected.judge(8, &of(4), &BTreeMap::new()).is_some());
        assert!(expected.judge(8, &of(2), &BTreeMap::new()).is_none());
    }

    #[test]
    fn nothing_is_expected_of_other_chapters() {
        assert!(expectation(Some(vec![8])).judge(1, &Scale::new(), &BTreeMap::new()).is_none());
        assert!(expectation(Some(vec![8])).judge(8, &Scale::new(), &BTreeMap::new()).is_some());
    }

    #[test]
    fn what_the_audit_could_not_see_is_unjudged_unless_the_stage_has_no_such_thing() {
        let finding =
            |invariant| Finding { invariant, verdict: Verdict::NotCheckable { why: String::new() } };
        let audit = audit::Report {
            orders: 0,
            products: 0,
            charges: None,
            redeliveries: None,
            waited_ms: 0,
            findings: ["money-matches", "nothing-poisoned", "no-double-effect"].map(finding).into(),
        };
        assert_eq!(AuditRow::of(&audit, false).unjudged, ["money-matches"]);
        assert_eq!(AuditRow::of(&audit, true).unjudged.len(), 3);
    }

    #[test]
    fn refused_times_are_a_fault_only_where_they_would_have_been_worth_quoting() {
        let is_good = |optimised: bool, refused: Option<&str>| {
            let report = json!({
                "experiment": "calm", "question": "?", "chapter": 1, "title": "T", "seed": 1, "refused": refused,
                "machine": {
                    "at": "2026-01-01T00:00:00Z", "commit": "abc", "processor": "P", "cores": 2, "pinning": "none",
                    "memory_mb": 8192, "system": "S", "rustc": "rustc 1", "optimised": optimised,
                },
                "figures": {}, "kinds": [], "timeline": [], "faults": [], "causes": {}, "expectations": [],
                "audit": { "orders": 0, "held": [], "broken": {}, "not_checkable": {} },
            });
            serde_json::from_value::<Report>(report).unwrap().is_good()
        };
        assert!(is_good(true, None) && is_good(false, Some("late")));
        assert!(!is_good(true, Some("late")));
    }
}
