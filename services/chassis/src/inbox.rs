//! The inbox makes a consumer idempotent: the id of a message is recorded in the transaction of its effect. `JetStream`
//! delivers a message at least once; a message whose id is recorded already is a duplicate and is skipped.
//!
//! Processing a message has one of five outcomes. It is *done*. It is a *duplicate*. It failed and is *retried* later,
//! because the failure may be transient, for as long as it lasts. It is of an *unknown* type, and left to a newer instance.
//! Or it is *rejected*, because no retry could succeed: then it is moved to the dead-letter stream with the reason, where a
//! person finds it. The consumer continues after each of them.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::anyhow;
use async_nats::{
    HeaderMap,
    jetstream::{self, AckKind, consumer::pull},
};
use bytes::Bytes;
use contracts::{Envelope, Message, stream::PROGRESS_INTERVAL};
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use sqlx::SqliteConnection;
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    Bus, Db, Error,
    bus::RETRY_DELAY,
    correlation,
    db::{self, Transaction},
    error::error_chain,
};

/// The maximum number of messages in one transaction: a commit costs the same for one message as for all of them.
const BATCH_SIZE: usize = 64;

/// How often the handler of this process may panic on a message before the message is rejected. A panic is a bug: this
/// build is unlikely to ever process the message. But a panic may also have a transient cause, so a few retries come
/// first, over three seconds. Deliveries do not count: they may have failed for other reasons, and in other processes.
const MAX_PANICS: u32 = 5;

/// The maximum delay between two attempts.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(5);

/// How a service processes the messages that it consumes.
pub trait Handler: Send + Sync + 'static {
    /// The type of these messages.
    type Message: Message;

    /// Applies the effect of a message, in the transaction that also records its id. The effect must be limited to the
    /// database: anything else could not be rolled back.
    fn handle(
        &self,
        tx: &mut SqliteConnection,
        envelope: &Envelope<Self::Message>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

/// Why a message was not processed.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// A failure that may be transient: the message is delivered again later.
    #[error("processing failed, a retry may succeed")]
    Retry(#[source] anyhow::Error),
    /// No retry can succeed: the message is moved to the dead-letter stream, with this reason.
    #[error("{0}")]
    Reject(String),
}

impl From<sqlx::Error> for HandlerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry(error.into())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<Error<E>> for HandlerError {
    fn from(error: Error<E>) -> Self {
        Self::Retry(error.into())
    }
}

impl From<anyhow::Error> for HandlerError {
    fn from(error: anyhow::Error) -> Self {
        Self::Retry(error)
    }
}

/// The result of processing a message.
#[derive(Debug)]
pub enum Outcome {
    /// Its effect is stored.
    Done,
    /// Its effect was stored before: this delivery is skipped.
    Duplicate,
    /// It failed, and is to be delivered again.
    Retry(anyhow::Error),
    /// This build does not know its type: it is to be delivered again, until a newer instance receives it.
    Unknown(String),
    /// It is to be moved to the dead-letter stream, with this reason.
    Reject(String),
}

/// The handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

/// Processes the messages of one durable consumer. Any number of these may run, in any number of processes: the server
/// shares the messages among them.
pub struct Consumer<H> {
    db: Db,
    bus: Bus,
    stream: &'static str,
    config: pull::Config,
    handler: H,
    /// How often the handler panicked on a message, by its payload. Only bugs add to it.
    panics: Mutex<HashMap<Bytes, u32>>,
}

impl<H: Handler> Consumer<H> {
    /// A consumer of `stream`, which creates its durable consumer from `config`.
    pub fn new(db: &Db, bus: &Bus, stream: &'static str, config: pull::Config, handler: H) -> Self {
        Self { db: db.clone(), bus: bus.clone(), stream, config, handler, panics: Mutex::default() }
    }

    /// Consumes for ever. An error is logged, and the loop starts again.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.consume().await {
                tracing::warn!(
                    error = error_chain(&*error),
                    stream = self.stream,
                    "consuming failed, retrying"
                );
                self.bus.stream_missing(); // that may be the reason
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn consume(&self) -> anyhow::Result<()> {
        let mut connections = self.bus.connections();
        let consumer = self.bus.consumer(self.stream, &self.config).await?;
        let mut batches = consumer.messages().await?.ready_chunks(BATCH_SIZE);
        loop {
            let batch = tokio::select! {
                biased;
                batch = batches.next() => batch,
                // The consumer may be missing, and the client library would look for it for fifteen seconds.
                _ = connections.changed() => None,
            };
            let Some(batch) = batch else { return Ok(()) };
            let (messages, errors): (Vec<_>, Vec<_>) = batch.into_iter().partition(Result::is_ok);
            let messages: Vec<_> = messages.into_iter().flatten().collect();
            let outcomes = self.handle_in_progress(&messages).await;
            self.record_progress(&outcomes);
            for (message, outcome) in messages.iter().zip(outcomes) {
                if let Err(error) = self.acknowledge(message, outcome).await {
                    // The server delivers it again, and the inbox skips it if it was processed.
                    tracing::warn!(error = error_chain(&*error), "acknowledging a message failed");
                    self.bus.stream_missing(); // the dead-letter stream may be missing
                }
            }
            errors.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
    }

    /// Processes messages, and reports to the server that they are in progress. Otherwise a wait for the lock of the
    /// database would be longer than the server waits for the acknowledgement.
    async fn handle_in_progress(&self, messages: &[jetstream::Message]) -> Vec<Outcome> {
        let payloads: Vec<_> = messages.iter().map(|message| message.payload.clone()).collect();
        let mut handled = pin!(self.handle_batch(&payloads));
        loop {
            if let Ok(outcomes) = tokio::time::timeout(PROGRESS_INTERVAL, &mut handled).await {
                return outcomes;
            }
            for message in messages {
                message.ack_with(AckKind::Progress).await.ok(); // without a connection, they are delivered again
            }
        }
    }

    /// A consumer makes progress if it is finished with at least one of the messages that it has received.
    fn record_progress(&self, outcomes: &[Outcome]) {
        let consumer = self.config.durable_name.as_deref().unwrap_or(self.stream);
        let finished =
            |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::Duplicate | Outcome::Reject(_));
        if outcomes.iter().any(finished) {
            self.bus.consuming.progressed(consumer);
        } else if let Some(Outcome::Retry(error)) =
            outcomes.iter().find(|outcome| matches!(outcome, Outcome::Retry(_)))
        {
            self.bus.consuming.failed(consumer, &error_chain(&**error));
        }
    }

    /// Processes one message without acknowledging it. A caller that stops here has simulated a crash before the
    /// acknowledgement.
    pub async fn handle_one(&self, payload: &Bytes) -> Outcome {
        let one = std::slice::from_ref(payload);
        let handled = match self.db.write().await {
            Ok(tx) => self.handle_catching_panics(tx, one).await,
            Err(error) => Err(error.into()),
        };
        match handled {
            Ok(mut outcomes) => outcomes.pop().unwrap_or(Outcome::Done),
            Err(HandlerError::Retry(error)) if error.is::<Panicked>() => self.panicked(payload, error),
            Err(HandlerError::Retry(error)) => Outcome::Retry(error),
            Err(HandlerError::Reject(reason)) => Outcome::Reject(reason),
        }
    }

    /// Counts a panic of the handler. After [`MAX_PANICS`] the message is rejected.
    fn panicked(&self, payload: &Bytes, error: anyhow::Error) -> Outcome {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        let count = panics.entry(payload.clone()).or_default();
        *count += 1;
        if *count < MAX_PANICS {
            return Outcome::Retry(error);
        }
        panics.remove(payload);
        Outcome::Reject(format!("{error} ({MAX_PANICS} times)"))
    }

    /// Processes messages in one transaction. If one of them fails, the transaction is rolled back and each message
    /// gets its own.
    async fn handle_batch(&self, payloads: &[Bytes]) -> Vec<Outcome> {
        let tx = match self.db.write().await {
            Ok(tx) => tx,
            // The database is locked: waiting for the lock again for each message would help none of them.
            Err(error) => return payloads.iter().map(|_| Outcome::Retry(anyhow!("{error}"))).collect(),
        };
        if let Ok(outcomes) = self.handle_catching_panics(tx, payloads).await {
            return outcomes;
        }
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(self.handle_one(payload).await);
        }
        outcomes
    }

    /// Treats a panic of the handler like an error: the transaction is rolled back, and the loop continues.
    async fn handle_catching_panics(
        &self,
        tx: Transaction,
        payloads: &[Bytes],
    ) -> Result<Vec<Outcome>, HandlerError> {
        let handled = AssertUnwindSafe(self.handle_in_transaction(tx, payloads)).catch_unwind().await;
        handled.unwrap_or_else(|_| Err(HandlerError::Retry(Panicked.into())))
    }

    async fn handle_in_transaction(
        &self,
        mut tx: Transaction,
        payloads: &[Bytes],
    ) -> Result<Vec<Outcome>, HandlerError> {
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => unreadable::<H::Message>(payload, &error),
                Ok(envelope) if !mark_processed(&mut tx, envelope.id).await? => Outcome::Duplicate,
                Ok(envelope) => {
                    self.apply(&mut tx, &envelope).await?;
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        Ok(outcomes)
    }

    /// Calls the handler. Its log lines and the messages that it sends carry the correlation id of the message.
    async fn apply(
        &self,
        tx: &mut SqliteConnection,
        envelope: &Envelope<H::Message>,
    ) -> Result<(), HandlerError> {
        let correlation_id = envelope.correlation_id.clone();
        let span = tracing::info_span!("message", id = %envelope.id, correlation_id);
        correlation::with(correlation_id, self.handler.handle(tx, envelope)).instrument(span).await
    }

    /// Reports the outcome to the stream: ack, nak with a delay, or term.
    async fn acknowledge(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        let attempts = message.info().map_or(1, |info| info.delivered);
        let kind = match outcome {
            Outcome::Done | Outcome::Duplicate => AckKind::Ack,
            Outcome::Retry(error) => {
                tracing::warn!(subject = %message.subject, attempts, error = error_chain(&*error), "message failed, retrying");
                AckKind::Nak(Some(retry_delay(attempts)))
            }
            Outcome::Unknown(kind) => {
                tracing::warn!(subject = %message.subject, attempts, kind, "message type unknown, left to a newer instance");
                AckKind::Nak(Some(retry_delay(attempts)))
            }
            Outcome::Reject(reason) => self.dead_letter(message, &reason).await?,
        };
        message.ack_with(kind).await.map_err(anyhow::Error::from_boxed)
    }

    /// Moves a message to the dead-letter stream. It is terminated only after the stream has stored it, so a crash in
    /// between causes a duplicate, which the stream drops by its `Nats-Msg-Id`.
    async fn dead_letter(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        let info = message.info().map_err(anyhow::Error::from_boxed)?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{} {} {}", self.stream, info.stream_sequence, info.consumer));
        headers.insert("Reason", reason.replace(['\r', '\n'], " "));
        headers.insert("Subject", message.subject.as_str());
        let subject = format!("dead.{}", info.consumer);
        self.bus.jetstream.publish_with_headers(subject, headers, message.payload.clone()).await?.await?;
        tracing::error!(subject = %message.subject, reason, "message moved to the dead-letter stream");
        Ok(AckKind::Term)
    }
}

/// A message of any type.
#[derive(Deserialize)]
struct AnyMessage {
    #[serde(rename = "type")]
    kind: String,
}

/// The outcome for a payload that cannot be parsed: a message of a type that this build does not know, or garbage.
///
/// An unknown type is not garbage: during a rolling change a newer instance, which shares the consumer, processes it.
fn unreadable<M: Message>(payload: &[u8], error: &serde_json::Error) -> Outcome {
    match serde_json::from_slice::<Envelope<AnyMessage>>(payload) {
        Ok(Envelope { message: AnyMessage { kind }, .. }) if !M::KINDS.contains(&&*kind) => {
            Outcome::Unknown(kind)
        }
        _ => Outcome::Reject(error.to_string()),
    }
}

/// Records the id of a message. False if it was recorded before: the message is a duplicate.
async fn mark_processed(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    let inserted =
        sqlx::query("insert into inbox (message_id, processed_at) values ($1, $2) on conflict do nothing")
            .bind(id.hyphenated())
            .bind(db::to_column(db::now()))
            .execute(conn)
            .await?;
    Ok(inserted.rows_affected() == 1)
}

fn retry_delay(attempts: i64) -> Duration {
    MAX_RETRY_DELAY.min(Duration::from_millis(100 << attempts.clamp(0, 6)))
}
