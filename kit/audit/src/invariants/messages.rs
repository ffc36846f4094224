//! Messages: dead letters, duplicate effects and consumers that are behind.

use crate::{Snapshot, Verdict, messages::Consumer};

/// The dead-letter stream is empty.
pub(super) fn nothing_poisoned(snapshot: &Snapshot) -> Verdict {
    match &snapshot.messages {
        None => Verdict::not_checkable("the stage does not use NATS, so it has no dead-letter stream"),
        Some(Err(why)) => Verdict::not_checkable(why),
        Some(Ok(messages)) => match &messages.dead_letters {
            None => Verdict::not_checkable("the audit.toml of the stage names no stream as `dead_letters`"),
            Some(letters) => Verdict::from_violations(letters.clone()),
        },
    }
}

/// A redelivered message took effect only once. Only queries of the stage can show that, so without a query the
/// invariant is not checkable.
pub(super) fn no_double_effect(snapshot: &Snapshot) -> Verdict {
    match &snapshot.messages {
        None => Verdict::not_checkable("the stage does not use NATS, so no message is delivered"),
        Some(Err(why)) => Verdict::not_checkable(why),
        Some(Ok(_)) if snapshot.query_results.contains_key("no-double-effect") => Verdict::Held,
        Some(Ok(_)) => Verdict::not_checkable("the audit.toml of the stage contains no query for it"),
    }
}

/// Describes the consumers that are behind.
pub(super) fn lagging(consumers: &[Consumer]) -> impl Iterator<Item = String> {
    consumers.iter().filter(|consumer| !consumer.is_caught_up()).map(Consumer::to_string)
}
