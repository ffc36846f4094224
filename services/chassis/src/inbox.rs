//! The inbox makes a consumer idempotent: the id of a message is recorded in the transaction of its effect. `JetStream`
//! delivers a message at least once; a message whose id is recorded already is a duplicate and is skipped.
//!
//! Processing a message has one of four outcomes. It is *done*. It is a *duplicate*. It failed and is *retried* later,
//! because the failure may be transient. Or it is *rejected*, because no retry could succeed: then it is moved to the
//! dead-letter stream with the reason, where a person finds it. The consumer continues after each of them.

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::anyhow;
use async_nats::{
    HeaderMap,
    jetstream::{self, AckKind, Context, consumer::pull},
};
use bytes::Bytes;
use contracts::{Envelope, Message};
use futures::{FutureExt, StreamExt};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::{
    Bus, Db, Error,
    bus::RETRY_DELAY,
    db::{self, Transaction},
    error::error_chain,
};

/// The maximum number of messages in one transaction: a commit costs the same for one message as for all of them.
const BATCH_SIZE: usize = 64;

/// How often a message is delivered before it is moved to the dead-letter stream. With the back-off this takes about a
/// minute.
const MAX_ATTEMPTS: i64 = 20;

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
    /// It is to be moved to the dead-letter stream, with this reason.
    Reject(String),
}

/// Processes the messages of one durable consumer. Any number of these may run, in any number of processes: the server
/// shares the messages among them.
pub struct Consumer<H> {
    db: Db,
    jetstream: Context,
    stream: &'static str,
    config: pull::Config,
    handler: H,
}

impl<H: Handler> Consumer<H> {
    /// A consumer of `stream`, which creates its durable consumer from `config`.
    pub fn new(db: &Db, bus: &Bus, stream: &'static str, config: pull::Config, handler: H) -> Self {
        Self { db: db.clone(), jetstream: bus.jetstream.clone(), stream, config, handler }
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
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn consume(&self) -> anyhow::Result<()> {
        let consumer: jetstream::consumer::PullConsumer =
            self.jetstream.create_consumer_on_stream(self.config.clone(), self.stream).await?;
        let mut batches = consumer.messages().await?.ready_chunks(BATCH_SIZE);
        while let Some(batch) = batches.next().await {
            let (messages, errors): (Vec<_>, Vec<_>) = batch.into_iter().partition(Result::is_ok);
            let messages: Vec<_> = messages.into_iter().flatten().collect();
            let payloads: Vec<_> = messages.iter().map(|message| message.payload.clone()).collect();
            for (message, outcome) in messages.iter().zip(self.handle_batch(&payloads).await) {
                if let Err(error) = self.acknowledge(message, outcome).await {
                    // The server delivers it again, and the inbox skips it if it was processed.
                    tracing::warn!(error = error_chain(&*error), "acknowledging a message failed");
                }
            }
            errors.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
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
            Err(HandlerError::Retry(error)) => Outcome::Retry(error),
            Err(HandlerError::Reject(reason)) => Outcome::Reject(reason),
        }
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
        handled.unwrap_or_else(|_| Err(anyhow!("the handler panicked").into()))
    }

    async fn handle_in_transaction(
        &self,
        mut tx: Transaction,
        payloads: &[Bytes],
    ) -> Result<Vec<Outcome>, HandlerError> {
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => Outcome::Reject(error.to_string()),
                Ok(envelope) if !mark_processed(&mut tx, envelope.id).await? => Outcome::Duplicate,
                Ok(envelope) => {
                    self.handler.handle(&mut tx, &envelope).await?;
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        Ok(outcomes)
    }

    /// Reports the outcome to the stream: ack, nak with a delay, or term.
    async fn acknowledge(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        let attempts = message.info().map_or(1, |info| info.delivered);
        let kind = match outcome {
            Outcome::Done | Outcome::Duplicate => AckKind::Ack,
            Outcome::Retry(error) if attempts < MAX_ATTEMPTS => {
                tracing::warn!(subject = %message.subject, attempts, error = error_chain(&*error), "message failed, retrying");
                AckKind::Nak(Some(retry_delay(attempts)))
            }
            Outcome::Retry(error) => {
                self.dead_letter(message, &format!("{error:#} ({attempts} attempts)")).await?
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
        self.jetstream.publish_with_headers(subject, headers, message.payload.clone()).await?.await?;
        tracing::error!(subject = %message.subject, reason, "message moved to the dead-letter stream");
        Ok(AckKind::Term)
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
