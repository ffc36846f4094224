//! The report of an audit: a verdict for each invariant, as a table and as JSON.

use std::{fmt, time::Duration};

use serde::Serialize;

/// The result of one audit.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The number of orders that were read.
    pub orders: usize,
    /// The number of products whose stock was read.
    pub products: usize,
    /// The number of charges in the ledger of the payment provider; `None` if it could not be read.
    pub charges: Option<usize>,
    /// The number of redelivered messages; `None` if the stage has no messages or its streams could not be read.
    pub redeliveries: Option<u64>,
    /// How long the audit waited for the shop to settle, in milliseconds.
    pub waited_ms: u128,
    /// One finding for each invariant, in a fixed order.
    pub findings: Vec<Finding>,
}

/// An invariant and its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The name of the invariant, for example `no-oversell`.
    pub invariant: &'static str,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// The verdict on an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The invariant holds.
    Held,
    /// The invariant is broken.
    Broken {
        /// The violations, one sentence each.
        found: Vec<String>,
    },
    /// The invariant could not be checked.
    NotCheckable {
        /// The reason.
        why: String,
    },
}

impl Verdict {
    pub(crate) fn from_violations(mut found: Vec<String>) -> Self {
        found.sort_unstable(); // a hash map has no stable order, but a report needs one
        if found.is_empty() { Self::Held } else { Self::Broken { found } }
    }

    /// Adds violations. If there are any, the verdict becomes `Broken`.
    pub(crate) fn with_violations(self, more: &[String]) -> Self {
        match self {
            verdict if more.is_empty() => verdict,
            Self::Broken { found } => Self::from_violations([&found, more].concat()),
            Self::Held | Self::NotCheckable { .. } => Self::from_violations(more.to_vec()),
        }
    }

    pub(crate) fn not_checkable(why: impl Into<String>) -> Self {
        Self::NotCheckable { why: why.into() }
    }
}

impl Report {
    /// The names of the broken invariants.
    pub fn broken(&self) -> Vec<&'static str> {
        let broken = |finding: &&Finding| matches!(finding.verdict, Verdict::Broken { .. });
        self.findings.iter().filter(broken).map(|finding| finding.invariant).collect()
    }

    /// The names of the invariants that could not be checked.
    pub fn not_checkable(&self) -> Vec<&'static str> {
        let unchecked = |finding: &&Finding| matches!(finding.verdict, Verdict::NotCheckable { .. });
        self.findings.iter().filter(unchecked).map(|finding| finding.invariant).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let charges = self.charges.map_or("no".to_owned(), |charges| charges.to_string());
        let waited = Duration::from_millis(self.waited_ms.try_into().unwrap_or(u64::MAX));
        let redelivered =
            self.redeliveries.map(|n| format!(", {n} messages redelivered")).unwrap_or_default();
        writeln!(
            f,
            "{} orders, {} products, {charges} charges{redelivered}; checked after {:.1} s\n",
            self.orders,
            self.products,
            waited.as_secs_f64()
        )?;
        self.findings.iter().try_for_each(|finding| write!(f, "{finding}"))?;
        let (broken, unchecked) = (self.broken().len(), self.not_checkable().len());
        let held = self.findings.len() - broken - unchecked;
        write!(f, "\n{held} held, {broken} broken, {unchecked} not checkable")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Further violations of the same invariant rarely add information; the JSON output contains all of them.
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
