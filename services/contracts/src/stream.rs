//! The JetStream streams and their consumers. Each setting is explicit, with the reason why the default is not enough.

use std::{collections::HashMap, hash::BuildHasher, time::Duration};

use async_nats::jetstream::{
    consumer::{self, AckPolicy, pull},
    stream::{Config, RetentionPolicy, StorageType},
};

/// The version of the settings in this file. Increment it when you change one. Each stream and consumer carries it in its
/// metadata: an instance updates what an older version has created, and keeps what a newer version has created. So during
/// a rolling change, an old instance that restarts does not undo the change.
pub const SETTINGS_VERSION: u32 = 1;

const SETTINGS_VERSION_KEY: &str = "settings-version";

/// The stream of events: stored for a while, for any number of consumers.
pub const EVENTS: &str = "EVENTS";
/// The stream of commands: each is stored until it has been carried out.
pub const COMMANDS: &str = "COMMANDS";
/// The stream of messages that could not be processed, each with the reason.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// How long the server waits for an acknowledgement before it delivers a message again: the messages of a killed process
/// wait that long. Processing may take longer, for example while another process holds the lock of the database: then the
/// consumer reports every [`PROGRESS_INTERVAL`] that its messages are in progress, and the time begins again.
pub const ACK_WAIT: Duration = Duration::from_secs(3);

/// How often a consumer reports that messages are in progress. Two reports may be late or lost before a message is
/// delivered again.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_hours(24);

/// How long events are stored, and so how long a consumer may be down. An inbox must remember ids for longer than this.
pub const EVENT_RETENTION: Duration = Duration::from_hours(7 * 24);

/// The configuration of every stream. Each service creates the streams that are missing.
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
        metadata: metadata(),
        ..Config::default()
    }
}

fn metadata() -> HashMap<String, String> {
    HashMap::from([(SETTINGS_VERSION_KEY.to_owned(), SETTINGS_VERSION.to_string())])
}

/// The version in the metadata of a stream or consumer. It is 0 if the metadata contains none.
pub fn settings_version<S: BuildHasher>(metadata: &HashMap<String, String, S>) -> u32 {
    metadata.get(SETTINGS_VERSION_KEY).and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// The configuration of a durable consumer, whose messages are shared among the instances of a service.
///
/// The subjects contain no wildcard: a message of a type that no instance knows is not delivered, and stays in the stream.
pub fn consumer_config(name: &str, subjects: impl IntoIterator<Item = impl Into<String>>) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subjects: subjects.into_iter().map(Into::into).collect(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Unlimited: the consumer moves a message to the dead-letter stream by its own decision. A server that stops
        // delivering after a number of attempts would lose the message without a trace.
        max_deliver: -1,
        // The server stops delivering when so many messages are not acknowledged. Each uses memory in the server and is
        // redelivered if its process dies; a smaller number would starve several instances that fetch in batches.
        max_ack_pending: 2000,
        metadata: metadata(),
        ..pull::Config::default()
    }
}

/// How `stored`, the configuration of a durable consumer on the server, has to be updated. None if it stays as it is.
///
/// Old and new instances of a service share the consumer during a rolling change. A new instance adds the subjects that it
/// knows. An old instance removes none: the new one needs them.
pub fn newer_consumer(stored: &consumer::Config, ours: &pull::Config) -> Option<pull::Config> {
    let (theirs, our_version) = (settings_version(&stored.metadata), settings_version(&ours.metadata));
    if theirs != our_version {
        return (theirs < our_version).then(|| ours.clone());
    }
    let mut newer = ours.clone();
    let subjects = stored.filter_subjects.iter().chain([&stored.filter_subject]);
    let theirs: Vec<_> = subjects.filter(|subject| !subject.is_empty()).cloned().collect();
    if ours.filter_subjects.iter().all(|subject| theirs.contains(subject)) {
        return None;
    }
    newer
        .filter_subjects
        .extend(theirs.into_iter().filter(|subject| !ours.filter_subjects.contains(subject)));
    Some(newer)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::consumer::IntoConsumerConfig;

    use super::*;

    /// The consumer as a release with this version of the settings creates it.
    fn config(version: u32, subjects: &[&str]) -> pull::Config {
        let mut config = consumer_config("orders", subjects.iter().copied());
        config.metadata.insert(SETTINGS_VERSION_KEY.to_owned(), version.to_string());
        config
    }

    fn updated(stored: &pull::Config, ours: &pull::Config) -> Option<Vec<String>> {
        let newer = newer_consumer(&stored.into_consumer_config(), ours)?;
        Some(newer.filter_subjects)
    }

    #[test]
    fn a_new_subject_is_added_and_an_old_instance_removes_none() {
        let (old, new) = (config(1, &["a"]), config(1, &["a", "b"]));
        assert_eq!(updated(&old, &new).unwrap(), ["a", "b"]);
        assert_eq!(updated(&new, &old), None);
        assert_eq!(updated(&old, &old), None);
        let other = config(1, &["a", "c"]);
        assert_eq!(updated(&new, &other).unwrap(), ["a", "c", "b"], "both were added at the same time");
    }

    #[test]
    fn newer_settings_replace_older_ones_and_are_not_replaced_by_them() {
        let (old, new) = (config(1, &["a.>"]), config(2, &["a.b"]));
        assert_eq!(updated(&old, &new).unwrap(), ["a.b"]);
        assert_eq!(updated(&new, &old), None);
        let mut unversioned = config(1, &["a.>"]);
        unversioned.metadata.clear();
        assert_eq!(updated(&unversioned, &config(1, &["a.b"])).unwrap(), ["a.b"]);
    }
}
