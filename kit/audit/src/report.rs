//! What an audit says: a verdict for each invariant, as a table and as JSON.

use std::{fmt, time::Duration};

use serde::Serialize;

/// The result of one audit.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Orders read.
    pub orders: usize,
    /// Products whose stock was read.
    pub products: usize,
    /// Charges in the provider's ledger; none where it could not be read.
    pub charges: Option<usize>,
    /// Messages that were delivered again; none where the stage has no messages or they could not be looked at.
    pub redeliveries: Option<u64>,
    /// How long the audit waited for the shop to come to rest, in milliseconds.
    pub waited_ms: u128,
    /// One for each invariant, in the order of the course.
    pub findings: Vec<Finding>,
}

/// One invariant and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Its name, e.g. `no-oversell`.
    pub invariant: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Held,
    /// It does not.
    Broken {
        /// Each violation: ids and numbers.
        found: Vec<String>,
    },
    /// It cannot be judged.
    NotCheckable {
        /// What is missing.
        why: String,
    },
}

impl Verdict {
    pub(crate) fn of(mut found: Vec<String>) -> Self {
        found.sort_unstable(); // maps have no order, a report needs one
        if found.is_empty() { Self::Held } else { Self::Broken { found } }
    }

    /// The same, broken by these violations too if there are any.
    pub(crate) fn and(self, more: &[String]) -> Self {
        match self {
            verdict if more.is_empty() => verdict,
            Self::Broken { found } => Self::of([&found, more].concat()),
            Self::Held | Self::NotCheckable { .. } => Self::of(more.to_vec()),
        }
    }

    pub(crate) fn not_checkable(why: impl Into<String>) -> Self {
        Self::NotCheckable { why: why.into() }
    }
}

impl Report {
    /// The names of the invariants that do not hold.
    pub fn broken(&self) -> Vec<&'static str> {
        let broken = |finding: &&Finding| matches!(finding.verdict, Verdict::Broken { .. });
        self.findings.iter().filter(broken).map(|finding| finding.invariant).collect()
    }

    /// The names of the invariants that could not be judged.
    pub fn not_checkable(&self) -> Vec<&'static str> {
        let unjudged = |finding: &&Finding| matches!(finding.verdict, Verdict::NotCheckable { .. });
        self.findings.iter().filter(unjudged).map(|finding| finding.invariant).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let charges = self.charges.map_or("no".to_owned(), |charges| charges.to_string());
        let waited = Duration::from_millis(self.waited_ms.try_into().unwrap_or(u64::MAX));
        let again = self.redeliveries.map(|n| format!(", {n} messages delivered again")).unwrap_or_default();
        writeln!(
            f,
            "{} orders, {} products, {charges} charges{again}; judged after {:.1} s\n",
            self.orders,
            self.products,
            waited.as_secs_f64()
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "{finding}"))?;
        let (broken, unjudged) = (self.broken().len(), self.not_checkable().len());
        let held = self.findings.len() - broken - unjudged;
        write!(f, "\n{held} held, {broken} broken, {unjudged} not checkable")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More than this many violations of one kind tell a reader nothing new; JSON has them all.
        const SHOWN: usize = 5;

        let name = self.invariant;
        match &self.verdict {
            Verdict::Held => writeln!(f, "  ✔ {name:<18} held"),
            Verdict::NotCheckable { why } => writeln!(f, "  - {name:<18} not checkable: {why}"),
            Verdict::Broken { found } => {
                writeln!(f, "  ✘ {name:<18} BROKEN")?;
                for violation in found.iter().take(SHOWN) {
                    writeln!(f, "      {violation}")?;
                }
                match found.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => writeln!(f, "      … and {more} more"),
                }
            }
        }
    }
}
