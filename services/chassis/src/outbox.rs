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

use crate::{Bus, Db, bus::PAUSE, db, error::causes};

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

impl Relay {
    /// A relay of one process.
    pub fn new(db: &Db, bus: &Bus) -> Self {
        Self { id: Uuid::now_v7(), db: db.clone(), jetstream: bus.jetstream.clone() }
    }

    /// Publishes, for ever. What fails is tried again: this loop does not end.
    pub async fn run(self) {
        loop {
            match self.run_once().await {
                Ok(0) => {
                    // A commit while it was looking is remembered, and this returns at once.
                    let _either = tokio::time::timeout(PERIOD, self.db.committed()).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = causes(&*error),
                        "cannot publish what is in the outbox; trying again"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Publishes the oldest message of each aggregate, of many at once, and says how many those were.
    pub async fn run_once(&self) -> anyhow::Result<usize> {
        let parcels = self.take().await?;
        let sent = join_all(parcels.iter().map(|parcel| self.publish(parcel))).await;
        let (mut published, mut failed, mut why) = (Vec::new(), Vec::new(), None);
        for (parcel, sent) in parcels.iter().zip(sent) {
            match sent {
                Ok(()) => published.push(parcel.id),
                Err(error) => {
                    failed.push(parcel.id);
                    why = Some(error);
                }
            }
        }
        self.put_down(&published, &failed).await?;
        match why {
            None => Ok(published.len()),
            Some(why) => Err(why.into()),
        }
    }

    /// Takes the oldest message of each aggregate, unless another relay is publishing it. Which one is the oldest is
    /// asked first, and of all: a younger one must not overtake it because it is in somebody's hands.
    async fn take(&self) -> anyhow::Result<Vec<Parcel>> {
        let waiting: bool = sqlx::query_scalar(
            "select exists (select 1 from outbox where owned_until is null or owned_until <= $1)",
        )
        .bind(db::text(db::now()))
        .fetch_one(&mut *self.db.read().await?)
        .await?;
        if !waiting {
            return Ok(Vec::new());
        }
        let mut tx = self.db.write().await?;
        let now = db::now(); // after the wait for the writer: a lease begins when it is given
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
        .bind(db::text(now + LEASE))
        .bind(db::text(now))
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.iter().map(parcel).collect::<sqlx::Result<_>>()?)
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
    async fn put_down(&self, published: &[Uuid], failed: &[Uuid]) -> anyhow::Result<()> {
        if published.is_empty() && failed.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        // By their ids, never up to one: what is deleted is what was published, whoever has claimed it meanwhile.
        sqlx::query("delete from outbox where id in (select value from json_each($1))")
            .bind(serde_json::to_string(published)?)
            .execute(&mut *tx)
            .await?;
        if !failed.is_empty() {
            sqlx::query(
                "update outbox set owner = null, owned_until = null
                 where owner = $2 and id in (select value from json_each($1))",
            )
            .bind(serde_json::to_string(failed)?)
            .bind(self.id.hyphenated())
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }
}

fn parcel(row: &SqliteRow) -> sqlx::Result<Parcel> {
    Ok(Parcel {
        id: db::uuid(row, "id")?,
        subject: row.try_get("subject")?,
        message: row.try_get("message")?,
    })
}
