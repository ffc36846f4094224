//! The streams of a stage: what waits in them, what was poison, and how often a message came again.

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

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// All streams of a stage at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Messages {
    /// Every consumer of every stream.
    pub consumers: Vec<Consumer>,
    /// What is in the stream of dead letters, a line each; none where `audit.toml` names no such stream.
    pub dead: Option<Vec<String>>,
    /// Deliveries of messages that had been delivered before, to any consumer.
    pub redeliveries: u64,
}

/// How far a consumer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its stream and its name, as in `EVENTS/orders`.
    pub name: String,
    /// Messages that it has not got yet.
    pub pending: u64,
    /// Messages that it got and has not acknowledged.
    pub unacknowledged: usize,
}

impl Consumer {
    /// Whether nothing waits for it.
    pub fn is_done(&self) -> bool {
        self.pending == 0 && self.unacknowledged == 0
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, pending, unacknowledged } = self;
        write!(f, "consumer {name}: {pending} messages wait for it, {unacknowledged} are not acknowledged")
    }
}

/// Looks at every stream of a server. `dead` is the stream of dead letters.
///
/// # Errors
/// The server does not answer, or the stream of dead letters is not there.
pub(crate) async fn read(url: &str, dead: Option<&str>) -> Result<Messages> {
    let options = ConnectOptions::new().connection_timeout(PATIENCE).request_timeout(Some(PATIENCE));
    let client = options.connect(url).await.with_context(|| format!("NATS at {url} does not answer"))?;
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
    if let Some(name) = dead {
        let stream = context.get_stream(name).await;
        let stream = stream
            .with_context(|| format!("there is no stream {name}, which audit.toml calls `dead_letters`"))?;
        messages.dead = Some(letters(&stream).await?);
    }
    Ok(messages)
}

/// How many deliveries there were beyond one for each message that a consumer got. Right while the stream has all that it
/// was sent, but for what a work queue is done with.
async fn redeliveries(stream: &Stream, consumers: &[Info]) -> Result<u64> {
    let state = &stream.cached_info().state;
    // Each message of a work queue is one consumer's, and gone when that is done with it.
    if stream.cached_info().config.retention == RetentionPolicy::WorkQueue {
        let deliveries: u64 = consumers.iter().map(|consumer| consumer.delivered.consumer_sequence).sum();
        let waiting: u64 = consumers.iter().map(|consumer| consumer.num_pending).sum();
        return Ok(deliveries.saturating_sub(state.last_sequence.saturating_sub(waiting)));
    }
    let mut again = 0;
    for consumer in consumers {
        let filters = filters(&consumer.config);
        let mut messages = if filters.is_empty() { state.last_sequence } else { 0 };
        for filter in filters {
            let counts: Vec<(String, usize)> = stream.info_with_subjects(filter).await?.try_collect().await?;
            messages += counts.into_iter().map(|(_, count)| count as u64).sum::<u64>();
        }
        let delivered = messages.saturating_sub(consumer.num_pending);
        again += consumer.delivered.consumer_sequence.saturating_sub(delivered);
    }
    Ok(again)
}

fn filters(config: &Config) -> Vec<&str> {
    let all = [&config.filter_subject].into_iter().chain(&config.filter_subjects);
    all.map(String::as_str).filter(|filter| !filter.is_empty()).collect()
}

/// Every message in a stream: its subject, and what its headers say but for NATS's own.
async fn letters(stream: &Stream) -> Result<Vec<String>> {
    let state = &stream.cached_info().state;
    let mut letters = Vec::new();
    if state.messages == 0 {
        return Ok(letters);
    }
    for sequence in state.first_sequence..=state.last_sequence {
        let message = match stream.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => continue, // deleted in between
            Err(error) => return Err(error).with_context(|| format!("cannot read dead letter {sequence}")),
        };
        let headers = message.headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-"));
        let said: String = headers
            .flat_map(|(name, values)| {
                values.iter().map(move |value| format!(", {name}: {}", value.as_str()))
            })
            .collect();
        letters.push(format!("dead letter {sequence} on {}{said}", message.subject));
    }
    Ok(letters)
}
