//! The invariants. Each is a pure function of a snapshot.

mod history;
mod messages;
mod money;
mod prices;
mod requests;
mod stock;

use crate::{Finding, Snapshot, Verdict};

type Check = fn(&Snapshot) -> Verdict;

const INVARIANTS: [(&str, Check); 12] = [
    ("stock-conserved", stock::conserved),
    ("no-oversell", stock::no_oversell),
    ("holds-match", stock::holds_match),
    ("money-matches", money::matches),
    ("no-double-charge", money::no_double_charge),
    ("nothing-lost", requests::nothing_lost),
    ("one-key-one-order", requests::one_key_one_order),
    ("legal-history", history::legal),
    ("at-rest", history::at_rest),
    ("nothing-poisoned", messages::nothing_poisoned),
    ("no-double-effect", messages::no_double_effect),
    ("price-kept", prices::kept),
];

/// The names of all invariants, in the order of the report.
pub fn names() -> impl Iterator<Item = &'static str> {
    INVARIANTS.iter().map(|(name, _)| *name)
}

/// Checks a snapshot. Returns one finding for each invariant, always in the same order. A violation that a query of the
/// stage found breaks the invariant, whatever the check itself found.
pub fn check_all(snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |(invariant, check): (&'static str, Check)| {
        let found = snapshot.query_results.get(invariant).map_or(&[][..], Vec::as_slice);
        Finding { invariant, verdict: check(snapshot).with_violations(found) }
    };
    INVARIANTS.into_iter().map(finding).collect()
}
