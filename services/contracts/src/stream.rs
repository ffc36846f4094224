//! The streams that keep the messages, and who reads them. Each setting is here because its default would hurt.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, pull},
    stream::{Config, RetentionPolicy, StorageType},
};

/// What has happened: kept for who reads it, however many those are.
pub const EVENTS: &str = "EVENTS";
/// What is to be done: each is kept until it is done.
pub const COMMANDS: &str = "COMMANDS";
/// What nobody could make sense of, with the reason.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// How long after it was handed out a message that nobody has answered for is handed out again. Shorter, and a slow disk
/// makes doubles; longer, and what a killed process had in hand waits that long.
pub const ACK_WAIT: Duration = Duration::from_secs(3);

const DAY: Duration = Duration::from_hours(24);

/// How long events are kept, and so how long a consumer may be away: an inbox must remember for longer.
pub const EVENTS_KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// The streams, as they are made where they are not there yet.
pub fn all() -> [Config; 3] {
    [
        Config { max_age: EVENTS_KEPT_FOR, ..stream(EVENTS, "events.>") },
        Config { retention: RetentionPolicy::WorkQueue, ..stream(COMMANDS, "commands.>") },
        Config { max_age: 30 * DAY, ..stream(DEAD_LETTERS, "dead.>") },
    ]
}

fn stream(name: &str, subjects: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        storage: StorageType::File,
        // A relay that died between publishing and noting it publishes again: within this time the server drops the
        // double. It costs memory for each message of two minutes. After it, the inboxes are what is left, and enough.
        duplicate_window: Duration::from_mins(2),
        ..Config::default()
    }
}

/// A consumer whose instances share the messages of some subjects.
pub fn consumer(name: &str, subjects: &[&str]) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Without end: what cannot be handled goes to the dead letters by a decision, never by a counter unseen.
        max_deliver: -1,
        // So many may be in hand before the server stops to hand out. Each takes room in the server and is redelivered
        // if its process dies; fewer would starve several instances that take in batches.
        max_ack_pending: 2000,
        ..pull::Config::default()
    }
}
