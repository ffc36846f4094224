//! The invariants, each a pure function of a snapshot. Their names are the course's.

mod history;
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
    ("nothing-poisoned", |snapshot| messages(snapshot, "dead letters")),
    ("no-double-effect", |snapshot| messages(snapshot, "deliveries")),
    ("price-kept", prices::kept),
];

/// Judges a snapshot: one finding for each invariant, always in the same order.
pub fn judge(snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |(invariant, check): (&'static str, Check)| Finding { invariant, verdict: check(snapshot) };
    INVARIANTS.into_iter().map(finding).collect()
}

fn messages(snapshot: &Snapshot, what: &str) -> Verdict {
    Verdict::not_checkable(if snapshot.has_messages {
        format!("this audit does not read the stage's {what}")
    } else {
        format!("the stage has no messages, so no {what}")
    })
}
