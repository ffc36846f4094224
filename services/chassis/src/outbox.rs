//! Messages leave by way of a table: written in the transaction of the change that they tell of, published by a relay.
//!
//! So there is no change without its message and no message without its change, whenever the process dies. Between
//! publishing and deleting it may die too: then the message is published again, and who reads it must not mind.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    context::{PublishAckFuture, PublishError},
    message::PublishMessage,
};
use contracts::{Envelope, Message};
use futures::future::join_all;
use jiff::SignedDuration;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{Bus, Db, bus::PAUSE, db, error::error_chain};

/// How many messages a relay takes at a time.
const BATCH: i64 = 100;

/// How long messages are a relay's own: longer than it can take to publish them. What a dead relay had waits so long.
const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// How often a relay looks for what another one has left behind. Of what its own process writes, it hears at once.
const PERIOD: Duration = Duration::from_secs(1);

/// Puts a message into the outbox. To be called in the transaction of the change that it tells of.
pub async fn put<M: Message>(conn: &mut SqliteConnection, envelope: &Envelope<M>) -> anyhow::Result<()> {
    sqlx::query("insert into outbox (id, aggregate_id, subject, message) values ($1, $2, $3, $4)")
        .bind(envelope.id.hyphenated())
        .bind(envelope.aggregate_id.hyphenated())
        .bind(envelope.message.subject())
        .bind(serde_json::to_string(envelope)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Publishes what is in the outbox. Any number of them may run, in any number of processes.
pub struct Relay {
    id: Uuid,
    db: Db,
    jetstream: Context,
}

/// A message that a relay has taken to publish.
struct Parcel {
    id: Uuid,
    subject: String,
    message: String,
}

/// What became of the messages that a relay had taken.
#[derive(Default)]
struct Sent {
    stored: Vec<Uuid>,
    failed: Vec<Uuid>,
    why: Option<PublishError>,
}

impl Relay {
    /// A relay of one process.
    pub fn new(db: &Db, bus: &Bus) -> Self {
        Self { id: Uuid::now_v7(), db: db.clone(), jetstream: bus.jetstream.clone() }
    }

    /// Publishes, for ever. What fails is tried again: this loop does not end.
    pub async fn run(self) {
        let mut sent = Sent::default();
        loop {
            match self.exchange(&sent).await {
                Ok(parcels) if parcels.is_empty() => {
                    sent = Sent::default();
                    // A commit while it was looking is remembered, and this returns at once.
                    let _either = tokio::time::timeout(PERIOD, self.db.committed()).await;
                }
                Ok(parcels) => {
                    sent = self.publish_all(&parcels).await;
                    if let Some(why) = &sent.why {
                        tracing::warn!(error = error_chain(why), "cannot publish; trying again");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = error_chain(&error), "cannot read the outbox; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// One round: publishes the oldest message of each aggregate, of many at once, and says how many those were.
    pub async fn run_once(&self) -> anyhow::Result<usize> {
        let parcels = self.exchange(&Sent::default()).await?;
        let sent = self.publish_all(&parcels).await;
        if !parcels.is_empty() {
            let mut tx = self.db.write().await?;
            self.put_down(&mut tx, &sent).await?;
            tx.commit().await?;
        }
        match sent.why {
            None => Ok(sent.stored.len()),
            Some(why) => Err(why.into()),
        }
    }

    /// Puts down what was sent and takes what is next: one commit for both, where so much is to do.
    async fn exchange(&self, sent: &Sent) -> sqlx::Result<Vec<Parcel>> {
        let nothing_sent = sent.stored.is_empty() && sent.failed.is_empty();
        if nothing_sent && !self.anything_waits().await? {
            return Ok(Vec::new());
        }
        let mut tx = self.db.write().await?;
        self.put_down(&mut tx, sent).await?;
        let parcels = self.take(&mut tx).await?;
        tx.commit().await?;
        Ok(parcels)
    }

    /// Asked on a reader, so that nobody waits for the writer in vain.
    async fn anything_waits(&self) -> sqlx::Result<bool> {
        sqlx::query_scalar(
            "select exists (select 1 from outbox where owned_until is null or owned_until <= $1)",
        )
        .bind(db::to_column(db::now()))
        .fetch_one(&mut *self.db.read().await?)
        .await
    }

    /// Takes the oldest message of each aggregate, unless another relay is publishing it. Which one is the oldest is
    /// asked first, and of all: a younger one must not overtake it because it is in somebody's hands.
    async fn take(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<Parcel>> {
        let now = db::now();
        let rows = sqlx::query(
            "update outbox set owner = $1, owned_until = $2
             where seq in (
                 select seq from outbox oldest
                 where (owned_until is null or owned_until <= $3)
                   and not exists (select 1 from outbox o where o.aggregate_id = oldest.aggregate_id and o.seq < oldest.seq)
                 order by seq limit $4)
             returning id, subject, message",
        )
        .bind(self.id.hyphenated())
        .bind(db::to_column(now + LEASE))
        .bind(db::to_column(now))
        .bind(BATCH)
        .fetch_all(tx)
        .await?;
        rows.iter().map(parcel).collect()
    }

    async fn publish_all(&self, parcels: &[Parcel]) -> Sent {
        let outcomes = join_all(parcels.iter().map(|parcel| self.publish(parcel))).await;
        let mut sent = Sent::default();
        for (parcel, outcome) in parcels.iter().zip(outcomes) {
            match outcome {
                Ok(()) => sent.stored.push(parcel.id),
                Err(error) => {
                    sent.failed.push(parcel.id);
                    sent.why = Some(error);
                }
            }
        }
        sent
    }

    /// Two waits: until it is sent, and until the stream has it. Without the second it may be nowhere.
    async fn publish(&self, parcel: &Parcel) -> Result<(), PublishError> {
        let message = PublishMessage::build()
            .message_id(parcel.id.to_string()) // what comes twice within the stream's window, the stream keeps once
            .payload(parcel.message.clone().into());
        let stored: PublishAckFuture = self.jetstream.send_publish(parcel.subject.clone(), message).await?;
        stored.await?;
        Ok(())
    }

    /// Deletes what the stream has. What it has not may be tried again at once, by any relay.
    async fn put_down(&self, tx: &mut SqliteConnection, sent: &Sent) -> sqlx::Result<()> {
        if !sent.stored.is_empty() {
            // By their ids, never up to one: what is deleted is what was published, whoever has claimed it meanwhile.
            sqlx::query("delete from outbox where id in (select value from json_each($1))")
                .bind(json(&sent.stored))
                .execute(&mut *tx)
                .await?;
        }
        if !sent.failed.is_empty() {
            sqlx::query(
                "update outbox set owner = null, owned_until = null
                 where owner = $2 and id in (select value from json_each($1))",
            )
            .bind(json(&sent.failed))
            .bind(self.id.hyphenated())
            .execute(tx)
            .await?;
        }
        Ok(())
    }
}

/// Ids as an array, which SQLite can look into.
fn json(ids: &[Uuid]) -> String {
    serde_json::json!(ids).to_string()
}

fn parcel(row: &SqliteRow) -> sqlx::Result<Parcel> {
    Ok(Parcel {
        id: db::uuid(row, "id")?,
        subject: row.try_get("subject")?,
        message: row.try_get("message")?,
    })
}
