//! The invariants, each a pure function of a snapshot. Their names are the course's.

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

/// The name of each, in the order of the course.
pub fn names() -> impl Iterator<Item = &'static str> {
    INVARIANTS.iter().map(|(name, _)| *name)
}

/// Judges a snapshot: one finding for each invariant, always in the same order. What the stage's own queries found of one
/// breaks it, whatever else is known of it.
pub fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |(invariant, check): (&'static str, Check)| {
        let found = snapshot.answers.get(invariant).map_or(&[][..], Vec::as_slice);
        Finding { invariant, verdict: check(snapshot).and(found) }
    };
    INVARIANTS.into_iter().map(finding).collect()
}
