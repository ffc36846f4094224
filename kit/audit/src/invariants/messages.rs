//! Messages: what waits, what was poison, what took effect twice.

use crate::{Snapshot, Verdict, messages::Consumer};

/// The dead-letter stream is empty.
pub(super) fn nothing_poisoned(snapshot: &Snapshot) -> Verdict {
    match &snapshot.messages {
        None => Verdict::not_checkable("the stage has no messages, so no dead letters"),
        Some(Err(why)) => Verdict::not_checkable(why),
        Some(Ok(messages)) => match &messages.dead {
            None => Verdict::not_checkable("audit.toml of the stage names no stream of `dead_letters`"),
            Some(letters) => Verdict::of(letters.clone()),
        },
    }
}

/// What was delivered again took effect once: the stage's own queries say so, so one that has none proves nothing.
pub(super) fn no_double_effect(snapshot: &Snapshot) -> Verdict {
    match &snapshot.messages {
        None => Verdict::not_checkable("the stage has no messages, so no deliveries"),
        Some(Err(why)) => Verdict::not_checkable(why),
        Some(Ok(_)) if snapshot.answers.contains_key("no-double-effect") => Verdict::Held,
        Some(Ok(_)) => Verdict::not_checkable("audit.toml of the stage has no query for it"),
    }
}

/// Consumers that are not done.
pub(super) fn lag(consumers: &[Consumer]) -> impl Iterator<Item = String> {
    consumers.iter().filter(|consumer| !consumer.is_done()).map(Consumer::to_string)
}
