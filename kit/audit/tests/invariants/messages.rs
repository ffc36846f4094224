//! What messages can break.

use std::collections::BTreeMap;

use audit::{
    Snapshot, Verdict,
    messages::{Consumer, Messages},
};

use crate::{only_red, verdict, world::clean};

/// A shop with messages, all of which are done with.
fn with_messages() -> Snapshot {
    let done = Consumer { name: "EVENTS/orders".to_owned(), pending: 0, unacknowledged: 0 };
    let messages = Messages { consumers: vec![done], dead: Some(vec![]), redeliveries: 3 };
    let answers = BTreeMap::from([("no-double-effect".to_owned(), vec![])]);
    Snapshot { messages: Some(Ok(messages)), answers, ..clean() }
}

/// The same, where a consumer has this much before it.
fn lagging(pending: u64, unacknowledged: usize) -> Snapshot {
    let mut snapshot = with_messages();
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.consumers.push(Consumer { name: "COMMANDS/products".to_owned(), pending, unacknowledged });
    }
    snapshot
}

#[test]
fn a_shop_whose_messages_are_done_with_holds_every_invariant() {
    let findings = audit::invariants::judge(&with_messages());
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Held), "{findings:#?}");
}

#[test]
fn a_message_that_waits_or_is_not_acknowledged_breaks_at_rest() {
    for (pending, unacknowledged) in [(1, 0), (0, 1)] {
        only_red(&lagging(pending, unacknowledged), "at-rest");
    }
    let Verdict::Broken { found } = verdict(&lagging(2, 1), "at-rest") else { panic!("it held") };
    assert_eq!(found, ["consumer COMMANDS/products: 2 messages wait for it, 1 are not acknowledged"]);
}

#[test]
fn a_dead_letter_breaks_nothing_poisoned() {
    let mut snapshot = with_messages();
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.dead = Some(vec!["dead letter 1 on dead.events".to_owned()]);
    }
    only_red(&snapshot, "nothing-poisoned");
}

#[test]
fn what_a_query_of_the_stage_finds_breaks_the_invariant_it_is_about() {
    for invariant in audit::invariants::names() {
        let mut snapshot = with_messages();
        snapshot.answers.insert(invariant.to_owned(), vec!["a row".to_owned()]);
        only_red(&snapshot, invariant);
    }
}

#[test]
fn streams_that_cannot_be_looked_at_are_never_green() {
    let snapshot = Snapshot { messages: Some(Err("NATS does not answer".to_owned())), ..with_messages() };
    for invariant in ["at-rest", "nothing-poisoned", "no-double-effect"] {
        let why = "NATS does not answer".to_owned();
        assert_eq!(verdict(&snapshot, invariant), Verdict::NotCheckable { why });
    }
}

#[test]
fn a_stage_that_brings_no_query_or_names_no_dead_letters_proves_nothing_about_them() {
    let mut snapshot = Snapshot { answers: BTreeMap::new(), ..with_messages() };
    if let Some(Ok(messages)) = &mut snapshot.messages {
        messages.dead = None;
    }
    for invariant in ["nothing-poisoned", "no-double-effect"] {
        assert!(matches!(verdict(&snapshot, invariant), Verdict::NotCheckable { .. }), "{invariant}");
    }
}
