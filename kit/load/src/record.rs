//! What came of a load: per kind of question, as a whole and second by second.

use std::{
    collections::BTreeMap,
    ops::Range,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A product, the newest products, or a search.
    Browse,
    /// `POST /sessions`.
    LogIn,
    /// `POST /orders`, also again under the same key.
    Place,
    /// `POST /orders/{id}/payment`.
    Pay,
    /// `POST /orders/{id}/cancellation`.
    Cancel,
    /// `GET /orders/{id}`, while it is not settled.
    Look,
    /// `PATCH /products/{id}`, by staff.
    Price,
}

impl Kind {
    /// All, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Browse, Self::LogIn, Self::Place, Self::Pay, Self::Cancel, Self::Look, Self::Price];

    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::LogIn => "log in",
            Self::Place => "place",
            Self::Pay => "pay",
            Self::Cancel => "cancel",
            Self::Look => "look at order",
            Self::Price => "set price",
        }
    }
}

/// Of questions of one kind. A question that is repeated until it is answered is one question.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Figures {
    pub asked: u64,
    /// Those whose first attempt failed.
    pub failed_at_first: u64,
    /// Those that were given up.
    pub failed: u64,
    /// Attempts after the first ones.
    pub retries: u64,
    /// From when it was due until it was well answered, in microseconds, failed attempts in between included.
    pub latencies: Histogram<u64>,
}

/// An attempt that was not well answered.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Lost {
    pub sent: Instant,
    pub ended: Instant,
}

/// An order that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    /// When it was due to be placed.
    pub due: Instant,
    /// When it was due to be paid, for the last time.
    pub pay_due: Option<Instant>,
}

/// Everything that came of a load.
#[derive(Debug)]
pub struct Record {
    /// When the first visitor could come.
    pub begun: Instant,
    /// Until then nothing counts.
    pub warm: Instant,
    /// Every question, in the order in which they ended.
    pub endings: Vec<Ending>,
    /// Of all questions that were due in each second since the beginning.
    pub seconds: Vec<Figures>,
    /// Why attempts failed, and how many.
    pub causes: BTreeMap<String, u64>,
    /// Attempts that got no answer, or were refused for now: behind a gateway, what a kill cuts off is answered 503 or 504.
    pub lost: Vec<Lost>,
    /// Orders that were due after the warm-up.
    pub placed: BTreeMap<Uuid, Placed>,
    /// How much later than due visitors were let in, in microseconds.
    pub lateness: Histogram<u64>,
    /// Attempts so far, warm-up included.
    pub attempts: u64,
}

/// How a question ended.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Ending {
    pub kind: Kind,
    pub due: Instant,
    /// None: it was given up.
    pub answered: Option<Instant>,
    pub attempts: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self { asked: 0, failed_at_first: 0, failed: 0, retries: 0, latencies: microseconds() }
    }
}

impl Figures {
    fn add(&mut self, ending: &Ending) {
        self.asked += 1;
        self.failed_at_first += u64::from(ending.attempts > 1 || ending.answered.is_none());
        self.failed += u64::from(ending.answered.is_none());
        self.retries += ending.attempts.saturating_sub(1);
        if let Some(answered) = ending.answered {
            self.latencies.saturating_record(micros(answered.saturating_duration_since(ending.due)));
        }
    }
}

impl Record {
    pub(crate) fn begin(begun: Instant, warm_up: Duration) -> Self {
        Self {
            begun,
            warm: begun + warm_up,
            endings: Vec::new(),
            seconds: Vec::new(),
            causes: BTreeMap::new(),
            lost: Vec::new(),
            placed: BTreeMap::new(),
            lateness: microseconds(),
            attempts: 0,
        }
    }

    pub(crate) fn add(&mut self, ending: Ending) {
        let second = ending.due.saturating_duration_since(self.begun).as_secs();
        let second = usize::try_from(second).unwrap_or(usize::MAX);
        while self.seconds.len() <= second {
            self.seconds.push(Figures::default());
        }
        self.seconds[second].add(&ending);
        self.endings.push(ending);
    }

    pub(crate) fn let_in(&mut self, due: Instant) {
        if due >= self.warm {
            self.lateness.saturating_record(micros(due.elapsed()));
        }
    }

    pub(crate) fn place(&mut self, order: Uuid, due: Instant) {
        if due >= self.warm {
            self.placed.insert(order, Placed { due, pay_due: None });
        }
    }

    /// Of the questions of some kinds that were due in a time.
    pub fn figures(&self, kinds: &[Kind], due: Range<Instant>) -> Figures {
        let mut figures = Figures::default();
        for ending in &self.endings {
            if kinds.contains(&ending.kind) && due.contains(&ending.due) {
                figures.add(ending);
            }
        }
        figures
    }

    /// When the last question was due, and an instant more: what ends a time that has all of them.
    pub fn end(&self) -> Instant {
        let last = self.endings.iter().map(|ending| ending.due).max();
        last.unwrap_or(self.warm) + Duration::from_nanos(1)
    }

    /// Attempts that were under way at a moment and not well answered: what a fault at that moment cut off.
    pub fn cut_at(&self, moment: Instant) -> usize {
        self.lost.iter().filter(|lost| lost.sent < moment && lost.ended >= moment).count()
    }
}

/// A histogram of microseconds, three digits exact.
pub fn microseconds() -> Histogram<u64> {
    let mut histogram =
        Histogram::new_with_max(120_000_000, 3).unwrap_or_else(|_| unreachable!("3 digits are valid"));
    histogram.auto(true);
    histogram
}

/// For a histogram.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(begun: Instant, due_ms: u64, took_ms: Option<u64>, attempts: u64) -> Ending {
        let due = begun + Duration::from_millis(due_ms);
        let answered = took_ms.map(|took| due + Duration::from_millis(took));
        Ending { kind: Kind::Browse, due, answered, attempts }
    }

    fn figures(record: &Record) -> Figures {
        record.figures(&[Kind::Browse], record.warm..record.end())
    }

    #[test]
    fn a_question_that_was_answered_at_the_second_attempt_failed_at_first_only() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::ZERO);
        record.add(ending(begun, 10, Some(250), 2));
        record.add(ending(begun, 20, Some(1), 1));
        record.add(ending(begun, 30, None, 5));
        let figures = figures(&record);
        assert_eq!((figures.asked, figures.failed_at_first, figures.failed, figures.retries), (3, 2, 1, 5));
    }

    #[test]
    fn a_latency_counts_from_when_the_question_was_due() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::ZERO);
        record.add(ending(begun, 10, Some(250), 2));
        assert_eq!(figures(&record).latencies.value_at_quantile(0.5) / 1000, 250);
    }

    #[test]
    fn what_was_due_in_the_warm_up_is_seen_by_second_and_is_not_among_what_counts() {
        let begun = Instant::now();
        let mut record = Record::begin(begun, Duration::from_secs(2));
        record.add(ending(begun, 2000, Some(1), 1));
        record.add(ending(begun, 1999, Some(1), 1));
        assert_eq!(figures(&record).asked, 1);
        assert_eq!(record.seconds.iter().map(|second| second.asked).collect::<Vec<_>>(), [0, 1, 1]);
    }

    #[test]
    fn a_fault_cut_off_what_was_under_way_then_and_not_well_answered() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut record = Record::begin(begun, Duration::ZERO);
        for (sent, ended) in [(0, 10), (5, 30), (15, 30), (25, 30)] {
            record.lost.push(Lost { sent: at(sent), ended: at(ended) });
        }
        assert_eq!(record.cut_at(at(20)), 2);
    }
}
