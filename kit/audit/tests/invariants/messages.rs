//! The invariants about messages.

use std::collections::BTreeMap;

use audit::{
    Snapshot, Verdict,
    messages::{Consumer, Messages},
};

use crate::{assert_only_broken, fixtures::valid_shop, verdict};

/// A shop with messages, all of which were delivered and acknowledged.
fn with_messages() -> Snapshot {
    let done = Consumer { name: "EVENTS/orders".to_owned(), pending: 0, unacknowledged: 0 };
    let messages = Messages { consumers: vec![done], dead_letters: Some(vec![]), redeliveries: 3 };
    let query_results = BTreeMap::from([("no-double-effect".to_owned(), vec![])]);
    Snapshot { messages: Some(Ok(messages)), query_results, ..valid_shop() }
}

/// The same shop with a consumer that is behind.
fn lagging(pending: u64, unacknowledged: usize) -> Snapshot {
    let mut snapshot = with_messages();
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.consumers.push(Consumer { name: "COMMANDS/products".to_owned(), pending, unacknowledged });
    }
    snapshot
}

#[test]
fn a_shop_whose_messages_are_all_acknowledged_keeps_every_invariant() {
    let findings = audit::invariants::check_all(&with_messages());
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Held), "{findings:#?}");
}

#[test]
fn a_message_that_is_pending_or_unacknowledged_breaks_at_rest() {
    for (pending, unacknowledged) in [(1, 0), (0, 1)] {
        assert_only_broken(&lagging(pending, unacknowledged), "at-rest");
    }
    let Verdict::Broken { found } = verdict(&lagging(2, 1), "at-rest") else { panic!("it held") };
    assert_eq!(
        found,
        ["consumer COMMANDS/products: 2 messages not delivered yet, 1 delivered but not acknowledged"]
    );
}

#[test]
fn a_dead_letter_breaks_nothing_poisoned() {
    let mut snapshot = with_messages();
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.dead_letters = Some(vec!["dead letter 1 on dead.events".to_owned()]);
    }
    assert_only_broken(&snapshot, "nothing-poisoned");
}

#[test]
fn a_row_of_a_query_breaks_the_invariant_of_the_query() {
    for invariant in audit::invariants::names() {
        let mut snapshot = with_messages();
        snapshot.query_results.insert(invariant.to_owned(), vec!["a row".to_owned()]);
        assert_only_broken(&snapshot, invariant);
    }
}

#[test]
fn invariants_about_messages_are_not_checkable_without_nats() {
    let snapshot = Snapshot { messages: Some(Err("cannot connect to NATS".to_owned())), ..with_messages() };
    for invariant in ["at-rest", "nothing-poisoned", "no-double-effect"] {
        let why = "cannot connect to NATS".to_owned();
        assert_eq!(verdict(&snapshot, invariant), Verdict::NotCheckable { why });
    }
}

#[test]
fn without_a_query_or_a_dead_letter_stream_the_invariants_are_not_checkable() {
    let mut snapshot = Snapshot { query_results: BTreeMap::new(), ..with_messages() };
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.dead_letters = None;
    }
    for invariant in ["nothing-poisoned", "no-double-effect"] {
        assert!(matches!(verdict(&snapshot, invariant), Verdict::NotCheckable { .. }), "{invariant}");
    }
}
