//! Messages arrive by way of a table: that one was handled is noted in the transaction of its effect. It comes at least
//! once, and what comes again is recognised.
//!
//! A message ends in one of four ways. It is *done*; or it had been done before, which is as good. It may be done *later*,
//! when what failed has passed. Or it is *poison*, which nobody will ever be able to handle: then it is put aside, with the
//! reason, where a person finds it. Whatever comes, the loop goes on.

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
    bus::PAUSE,
    db::{self, Transaction},
    error::error_chain,
};

/// How many messages are handled in one transaction, where so many wait. A commit costs the same for one and for all.
const BATCH: usize = 64;

/// How often a message is tried before it counts as poison: what has not passed after a minute will not pass.
const TRIES: i64 = 20;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a service does with the messages that it consumes.
pub trait Handle: Send + Sync + 'static {
    /// Those messages.
    type Message: Message;

    /// Does what a message asks for, in the transaction that also notes that it is done. Whatever else happens, it
    /// happens after: nothing here may leave the database.
    fn handle(
        &self,
        tx: &mut SqliteConnection,
        envelope: &Envelope<Self::Message>,
    ) -> impl Future<Output = Result<(), NotHandled>> + Send;
}

/// Why a message was not handled.
#[derive(Debug, thiserror::Error)]
pub enum NotHandled {
    /// It may be, another time.
    #[error("not now")]
    Later(#[source] anyhow::Error),
    /// It never will be.
    #[error("{0}")]
    Poison(String),
}

impl From<sqlx::Error> for NotHandled {
    fn from(error: sqlx::Error) -> Self {
        Self::Later(error.into())
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<Error<E>> for NotHandled {
    fn from(error: Error<E>) -> Self {
        Self::Later(error.into())
    }
}

impl From<anyhow::Error> for NotHandled {
    fn from(error: anyhow::Error) -> Self {
        Self::Later(error)
    }
}

/// How a message ended.
#[derive(Debug)]
pub enum Outcome {
    /// Its effect is stored.
    Done,
    /// Its effect had been stored before.
    Repeated,
    /// It is to come again.
    Later(anyhow::Error),
    /// It is to be put aside.
    Poison(String),
}

/// Handles the messages of one durable consumer. Any number of them may run, in any number of processes: they share them.
pub struct Consumer<H> {
    db: Db,
    jetstream: Context,
    stream: &'static str,
    config: pull::Config,
    handler: H,
}

impl<H: Handle> Consumer<H> {
    /// A consumer of one process.
    pub fn new(db: &Db, bus: &Bus, stream: &'static str, config: pull::Config, handler: H) -> Self {
        Self { db: db.clone(), jetstream: bus.jetstream.clone(), stream, config, handler }
    }

    /// Consumes, for ever. What fails is tried again: this loop does not end.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.consume().await {
                tracing::warn!(
                    error = error_chain(&*error),
                    stream = self.stream,
                    "cannot consume; trying again"
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn consume(&self) -> anyhow::Result<()> {
        let consumer: jetstream::consumer::PullConsumer =
            self.jetstream.create_consumer_on_stream(self.config.clone(), self.stream).await?;
        let mut batches = consumer.messages().await?.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let (messages, errors): (Vec<_>, Vec<_>) = batch.into_iter().partition(Result::is_ok);
            let messages: Vec<_> = messages.into_iter().flatten().collect();
            let payloads: Vec<_> = messages.iter().map(|message| message.payload.clone()).collect();
            for (message, outcome) in messages.iter().zip(self.handle(&payloads).await) {
                if let Err(error) = self.answer(message, outcome).await {
                    // It will come again, and will be recognised.
                    tracing::warn!(
                        error = error_chain(&*error),
                        "cannot tell the stream how a message ended"
                    );
                }
            }
            errors.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    /// Handles a message, and says how it ended. A crash right after this is a message that comes again.
    pub async fn handle_one(&self, payload: &Bytes) -> Outcome {
        let one = std::slice::from_ref(payload);
        let handled = match self.db.write().await {
            Ok(tx) => self.handle_in(tx, one).await,
            Err(error) => Err(error.into()),
        };
        match handled {
            Ok(mut outcomes) => outcomes.pop().unwrap_or(Outcome::Done),
            Err(NotHandled::Later(error)) => Outcome::Later(error),
            Err(NotHandled::Poison(reason)) => Outcome::Poison(reason),
        }
    }

    /// Handles messages in one transaction or, where one of them spoils it for all, each in its own.
    async fn handle(&self, payloads: &[Bytes]) -> Vec<Outcome> {
        let tx = match self.db.write().await {
            Ok(tx) => tx,
            // Somebody else writes, and for long: to wait as long for each of them would help none.
            Err(error) => return payloads.iter().map(|_| Outcome::Later(anyhow!("{error}"))).collect(),
        };
        if let Ok(outcomes) = self.handle_in(tx, payloads).await {
            return outcomes;
        }
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(self.handle_one(payload).await);
        }
        outcomes
    }

    /// A panic is one more way to fail: the transaction is undone, and the loop goes on.
    async fn handle_in(&self, tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        let handled = AssertUnwindSafe(self.handle_all(tx, payloads)).catch_unwind().await;
        handled.unwrap_or_else(|_| Err(anyhow!("the handler panicked").into()))
    }

    async fn handle_all(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => Outcome::Poison(error.to_string()),
                Ok(envelope) if !note(&mut tx, envelope.id).await? => Outcome::Repeated,
                Ok(envelope) => {
                    self.handler.handle(&mut tx, &envelope).await?;
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        Ok(outcomes)
    }

    async fn answer(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        let tries = message.info().map_or(1, |info| info.delivered);
        let kind = match outcome {
            Outcome::Done | Outcome::Repeated => AckKind::Ack,
            Outcome::Later(error) if tries < TRIES => {
                tracing::warn!(subject = %message.subject, tries, error = error_chain(&*error), "cannot handle a message yet");
                AckKind::Nak(Some(pause(tries)))
            }
            Outcome::Later(error) => self.put_aside(message, &format!("{error:#}, {tries} times")).await?,
            Outcome::Poison(reason) => self.put_aside(message, &reason).await?,
        };
        message.ack_with(kind).await.map_err(anyhow::Error::from_boxed)
    }

    /// Stores a message among the dead letters, and only then gives it up.
    async fn put_aside(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        tracing::error!(subject = %message.subject, reason, "a message cannot be handled: it goes to the dead letters");
        let info = message.info().map_err(anyhow::Error::from_boxed)?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{} {} {}", self.stream, info.stream_sequence, info.consumer));
        headers.insert("Reason", reason.replace(['\r', '\n'], " "));
        headers.insert("Subject", message.subject.as_str());
        let dead = format!("dead.{}", info.consumer);
        self.jetstream.publish_with_headers(dead, headers, message.payload.clone()).await?.await?;
        Ok(AckKind::Term)
    }
}

/// Notes that a message is handled: false where it has been before.
async fn note(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    let noted =
        sqlx::query("insert into inbox (message_id, handled_at) values ($1, $2) on conflict do nothing")
            .bind(id.hyphenated())
            .bind(db::to_column(db::now()))
            .execute(conn)
            .await?;
    Ok(noted.rows_affected() == 1)
}

fn pause(tries: i64) -> Duration {
    LONGEST_PAUSE.min(Duration::from_millis(100 << tries.clamp(0, 6)))
}
