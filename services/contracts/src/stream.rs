//! The JetStream streams and their consumers. Each setting is explicit, with the reason why the default is not enough.

use std::time::Duration;

use async_nats::jetstream::{
    consumer::{AckPolicy, pull},
    stream::{Config, RetentionPolicy, StorageType},
};

/// The stream of events: stored for a while, for any number of consumers.
pub const EVENTS: &str = "EVENTS";
/// The stream of commands: each is stored until it has been carried out.
pub const COMMANDS: &str = "COMMANDS";
/// The stream of messages that could not be processed, each with the reason.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// How long the server waits for an acknowledgement before it delivers a message again. A shorter time makes duplicates
/// whenever a disk is slow; with a longer one, the messages of a killed process wait that long.
pub const ACK_WAIT: Duration = Duration::from_secs(3);

const DAY: Duration = Duration::from_hours(24);

/// How long events are stored, and so how long a consumer may be down. An inbox must remember ids for longer than this.
pub const EVENT_RETENTION: Duration = Duration::from_hours(7 * 24);

/// The configuration of every stream. A service creates the streams that do not exist when it connects.
pub fn configs() -> [Config; 3] {
    [
        Config { max_age: EVENT_RETENTION, ..config(EVENTS, "events.>") },
        Config { retention: RetentionPolicy::WorkQueue, ..config(COMMANDS, "commands.>") },
        Config { max_age: 30 * DAY, ..config(DEAD_LETTERS, "dead.>") },
    ]
}

fn config(name: &str, subjects: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        storage: StorageType::File,
        // A relay that dies after publishing and before deleting the row publishes again: within this window the server
        // drops the duplicate. The server keeps the ids of the last two minutes in memory. Later duplicates are left to
        // the inboxes.
        duplicate_window: Duration::from_mins(2),
        ..Config::default()
    }
}

/// The configuration of a durable consumer, whose messages are shared among the instances of a service.
pub fn consumer_config(name: &str, subjects: &[&str]) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Unlimited: the consumer moves a message to the dead-letter stream by its own decision. A server that stops
        // delivering after a number of attempts would lose the message without a trace.
        max_deliver: -1,
        // The server stops delivering when so many messages are not acknowledged. Each uses memory in the server and is
        // redelivered if its process dies; a smaller number would starve several instances that fetch in batches.
        max_ack_pending: 2000,
        ..pull::Config::default()
    }
}
