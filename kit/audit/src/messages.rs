//! The streams of a stage: pending messages, dead letters and redeliveries.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use async_nats::{
    ConnectOptions,
    jetstream::{
        self,
        consumer::{Config, Info},
        stream::{RawMessageErrorKind, RetentionPolicy, Stream},
    },
};
use futures_util::TryStreamExt;

/// The timeout of one request to NATS.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The state of all streams of a stage at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// Every consumer of every stream.
    pub consumers: Vec<Consumer>,
    /// The messages in the dead-letter stream, one line each. `None` if `audit.toml` names no such stream.
    pub dead_letters: Option<Vec<String>>,
    /// The number of redeliveries to all consumers: deliveries of a message after its first delivery.
    pub redeliveries: u64,
}

/// The progress of a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The stream and the consumer, for example `EVENTS/orders`.
    pub name: String,
    /// Messages that were not delivered to it yet.
    pub pending: u64,
    /// Messages that were delivered to it, but that it has not acknowledged.
    pub unacknowledged: usize,
}

impl Consumer {
    /// Whether the consumer has received and acknowledged every message.
    pub fn is_caught_up(&self) -> bool {
        self.pending == 0 && self.unacknowledged == 0
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, pending, unacknowledged } = self;
        write!(
            f,
            "consumer {name}: {pending} messages not delivered yet, {unacknowledged} delivered but not acknowledged"
        )
    }
}

/// Reads the state of every stream of a server.
///
/// # Errors
/// The server does not respond, or the dead-letter stream does not exist.
pub(crate) async fn read(url: &str, dead_letters: Option<&str>) -> Result<Messages> {
    let options = ConnectOptions::new().connection_timeout(TIMEOUT).request_timeout(Some(TIMEOUT));
    let client = options.connect(url).await.with_context(|| format!("cannot connect to NATS at {url}"))?;
    let context = jetstream::new(client);
    let mut messages = Messages::default();
    let mut names: Vec<String> =
        context.stream_names().try_collect().await.context("cannot list the streams")?;
    names.sort_unstable();
    for name in names {
        let stream =
            context.get_stream(&name).await.with_context(|| format!("cannot read the stream {name}"))?;
        let consumers: Vec<Info> = stream.consumers().try_collect().await?;
        messages.redeliveries += redeliveries(&stream, &consumers).await?;
        messages.consumers.extend(consumers.into_iter().map(|consumer| Consumer {
            name: format!("{name}/{}", consumer.name),
            pending: consumer.num_pending,
            unacknowledged: consumer.num_ack_pending,
        }));
    }
    if let Some(name) = dead_letters {
        let stream = context.get_stream(name).await;
        let stream = stream.with_context(|| {
            format!("cannot read the stream {name}, which audit.toml names as `dead_letters`")
        })?;
        messages.dead_letters = Some(read_dead_letters(&stream).await?);
    }
    Ok(messages)
}

/// Counts the deliveries after the first one of each message. The count is exact as long as the stream has not deleted
/// messages, except for those that a work queue deletes after the acknowledgement.
async fn redeliveries(stream: &Stream, consumers: &[Info]) -> Result<u64> {
    let state = &stream.cached_info().state;
    // A work queue delivers each message to one consumer and deletes it once it is acknowledged.
    if stream.cached_info().config.retention == RetentionPolicy::WorkQueue {
        let deliveries: u64 = consumers.iter().map(|consumer| consumer.delivered.consumer_sequence).sum();
        let waiting: u64 = consumers.iter().map(|consumer| consumer.num_pending).sum();
        return Ok(deliveries.saturating_sub(state.last_sequence.saturating_sub(waiting)));
    }
    let mut redeliveries = 0;
    for consumer in consumers {
        let filters = filters(&consumer.config);
        let mut messages = if filters.is_empty() { state.last_sequence } else { 0 };
        for filter in filters {
            let counts: Vec<(String, usize)> = stream.info_with_subjects(filter).await?.try_collect().await?;
            messages += counts.into_iter().map(|(_, count)| count as u64).sum::<u64>();
        }
        let delivered = messages.saturating_sub(consumer.num_pending);
        redeliveries += consumer.delivered.consumer_sequence.saturating_sub(delivered);
    }
    Ok(redeliveries)
}

fn filters(config: &Config) -> Vec<&str> {
    let all = [&config.filter_subject].into_iter().chain(&config.filter_subjects);
    all.map(String::as_str).filter(|filter| !filter.is_empty()).collect()
}

/// Reads every message of a stream: its subject, and its headers except those of NATS.
async fn read_dead_letters(stream: &Stream) -> Result<Vec<String>> {
    let state = &stream.cached_info().state;
    let mut letters = Vec::new();
    if state.messages == 0 {
        return Ok(letters);
    }
    for sequence in state.first_sequence..=state.last_sequence {
        let message = match stream.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => continue, // it was deleted
            Err(error) => return Err(error).with_context(|| format!("cannot read dead letter {sequence}")),
        };
        let headers = message.headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-"));
        let shown: String = headers
            .flat_map(|(name, values)| {
                values.iter().map(move |value| format!(", {name}: {}", value.as_str()))
            })
            .collect();
        letters.push(format!("dead letter {sequence}: subject {}{shown}", message.subject));
    }
    Ok(letters)
}
