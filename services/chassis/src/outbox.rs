//! The transactional outbox: a message is written in the transaction of the change that it reports, and a relay
//! publishes it.
//!
//! So the change and its message are stored together or not at all, whenever the process dies. If the relay dies
//! between publishing a message and deleting its row, the message is published again: consumers must be idempotent.

use std::time::Duration;

use async_nats::jetstream::{
    context::{PublishAckFuture, PublishError, PublishErrorKind},
    message::PublishMessage,
};
use contracts::{Envelope, Message};
use futures::future::join_all;
use jiff::SignedDuration;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{Bus, Db, bus::RETRY_DELAY, correlation, db, error::error_chain};

/// The maximum number of messages that a relay claims at a time.
const BATCH_SIZE: i64 = 100;

/// How long a relay may keep the messages that it has claimed: longer than it can take to publish them. The messages of
/// a relay that died wait this long.
const LEASE: SignedDuration = SignedDuration::from_secs(3);

/// No lease ends later than this, unless the clock has been set back since it was given. Such a lease has no meaning: it
/// would keep its message from being published for as long as the clock was set back.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_secs(6);

/// How often a relay looks for messages that another process left behind. A commit of its own process wakes it at once.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Writes a message to the outbox. Call it in the transaction of the change that the message reports.
pub async fn put<M: Message>(conn: &mut SqliteConnection, envelope: &Envelope<M>) -> anyhow::Result<()> {
    let correlation_id = envelope.correlation_id.clone().or_else(correlation::current);
    let envelope = Envelope { correlation_id, ..envelope.clone() };
    sqlx::query("insert into outbox (id, aggregate_id, subject, message) values ($1, $2, $3, $4)")
        .bind(envelope.id.hyphenated())
        .bind(envelope.aggregate_id.hyphenated())
        .bind(envelope.message.subject())
        .bind(serde_json::to_string(&envelope)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Publishes the messages of the outbox. Any number of relays may run, in any number of processes.
pub struct Relay {
    id: Uuid,
    db: Db,
    bus: Bus,
}

/// A message that a relay has claimed.
struct OutboxRow {
    id: Uuid,
    subject: String,
    message: String,
}

/// The results of publishing the claimed messages.
#[derive(Default)]
struct Results {
    published: Vec<Uuid>,
    failed: Vec<Uuid>,
    last_error: Option<PublishError>,
}

impl Relay {
    /// A relay with an id of its own, which marks the rows that it claims.
    pub fn new(db: &Db, bus: &Bus) -> Self {
        Self { id: Uuid::now_v7(), db: db.clone(), bus: bus.clone() }
    }

    /// Publishes for ever. An error is logged, and the loop continues.
    pub async fn run(self) {
        let mut results = Results::default();
        loop {
            if let Err(error) = self.end_future_leases().await {
                tracing::warn!(
                    error = error_chain(&error),
                    "ending leases in the far future failed, retrying"
                );
            }
            match self.record_and_claim(&results).await {
                Ok(rows) if rows.is_empty() => {
                    results = Results::default();
                    // A commit between the query and this line is remembered, and this returns at once.
                    let _either = tokio::time::timeout(POLL_INTERVAL, self.db.committed()).await;
                }
                Ok(rows) => {
                    results = self.publish_all(&rows).await;
                    if let Some(error) = &results.last_error {
                        tracing::warn!(error = error_chain(error), "publish failed, retrying");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = error_chain(&error), "reading the outbox failed, retrying");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Ends leases that end later than any relay can have set them: the clock has been set back since then. Otherwise the
    /// messages of a relay that died would wait for as long as it was set back.
    async fn end_future_leases(&self) -> sqlx::Result<()> {
        let latest = || db::to_column(db::now() + LEASE * 2);
        let exists = sqlx::query_scalar("select exists (select 1 from outbox where lease_expires_at > $1)");
        if exists.bind(latest()).fetch_one(&mut *self.db.read().await?).await? {
            let mut tx = self.db.write().await?;
            sqlx::query(
                "update outbox set claimed_by = null, lease_expires_at = null where lease_expires_at > $1",
            )
            .bind(latest())
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            tracing::warn!("the clock was set back, leases of the outbox were ended");
        }
        Ok(())
    }

    /// Publishes one batch, which contains the oldest message of each aggregate. Returns how many messages were
    /// published.
    pub async fn run_once(&self) -> anyhow::Result<usize> {
        let rows = self.record_and_claim(&Results::default()).await?;
        let results = self.publish_all(&rows).await;
        if !rows.is_empty() {
            let mut tx = self.db.write().await?;
            self.record_results(&mut tx, &results).await?;
            tx.commit().await?;
        }
        match results.last_error {
            None => Ok(results.published.len()),
            Some(error) => Err(error.into()),
        }
    }

    /// Deletes the published rows and claims the next batch in one commit.
    async fn record_and_claim(&self, results: &Results) -> sqlx::Result<Vec<OutboxRow>> {
        let no_results = results.published.is_empty() && results.failed.is_empty();
        if no_results && !self.has_claimable_rows().await? {
            return Ok(Vec::new());
        }
        let mut tx = self.db.write().await?;
        self.record_results(&mut tx, results).await?;
        let rows = self.claim(&mut tx).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Queries a reader connection, so that an idle relay never takes the write lock. A message behind one that another relay
    /// has claimed does not count: it cannot be claimed yet.
    async fn has_claimable_rows(&self) -> sqlx::Result<bool> {
        let now = db::now();
        sqlx::query_scalar(
            "select exists (
                 select 1 from outbox oldest
                 where (lease_expires_at is null or lease_expires_at <= $1 or lease_expires_at > $2)
                   and not exists (select 1 from outbox o where o.aggregate_id = oldest.aggregate_id and o.seq < oldest.seq))",
        )
        .bind(db::to_column(now))
        .bind(db::to_column(now + LONGEST_LEASE))
        .fetch_one(&mut *self.db.read().await?)
        .await
    }

    /// Claims the oldest message of each aggregate, unless another relay is publishing it. The oldest one is searched
    /// among all messages, claimed ones too: otherwise a newer message could overtake an older one that is still being
    /// published.
    async fn claim(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<OutboxRow>> {
        let now = db::now();
        let rows = sqlx::query(
            "update outbox set claimed_by = $1, lease_expires_at = $2
             where seq in (
                 select seq from outbox oldest
                 where (lease_expires_at is null or lease_expires_at <= $3 or lease_expires_at > $4)
                   and not exists (select 1 from outbox o where o.aggregate_id = oldest.aggregate_id and o.seq < oldest.seq)
                 order by seq limit $5)
             returning id, subject, message",
        )
        .bind(self.id.hyphenated())
        .bind(db::to_column(now + LEASE))
        .bind(db::to_column(now))
        .bind(db::to_column(now + LONGEST_LEASE))
        .bind(BATCH_SIZE)
        .fetch_all(tx)
        .await?;
        rows.iter().map(outbox_row).collect()
    }

    async fn publish_all(&self, rows: &[OutboxRow]) -> Results {
        let outcomes = join_all(rows.iter().map(|row| self.publish(row))).await;
        let mut results = Results::default();
        for (row, outcome) in rows.iter().zip(outcomes) {
            match outcome {
                Ok(()) => results.published.push(row.id),
                Err(error) => {
                    if error.kind() == PublishErrorKind::StreamNotFound {
                        self.bus.stream_missing();
                    }
                    results.failed.push(row.id);
                    results.last_error = Some(error);
                }
            }
        }
        results
    }

    /// Waits twice: until the NATS client has queued the message, and until the stream has acknowledged it. Until the
    /// acknowledgement arrives, the message may be lost.
    async fn publish(&self, row: &OutboxRow) -> Result<(), PublishError> {
        let message = PublishMessage::build()
            .message_id(row.id.to_string()) // the stream drops a duplicate within its window
            .payload(row.message.clone().into());
        let stored: PublishAckFuture = self.bus.jetstream.send_publish(row.subject.clone(), message).await?;
        stored.await?;
        Ok(())
    }

    /// Deletes the rows that were published, and gives up the lease of those that failed, so that any relay may retry
    /// them at once.
    async fn record_results(&self, tx: &mut SqliteConnection, results: &Results) -> sqlx::Result<()> {
        if !results.published.is_empty() {
            // By id, never up to a sequence number: only what was published may be deleted, whoever holds the claim by
            // now.
            sqlx::query("delete from outbox where id in (select value from json_each($1))")
                .bind(json(&results.published))
                .execute(&mut *tx)
                .await?;
        }
        if !results.failed.is_empty() {
            sqlx::query(
                "update outbox set claimed_by = null, lease_expires_at = null
                 where claimed_by = $2 and id in (select value from json_each($1))",
            )
            .bind(json(&results.failed))
            .bind(self.id.hyphenated())
            .execute(tx)
            .await?;
        }
        Ok(())
    }
}

/// Ids as a JSON array, which SQLite's `json_each` reads.
fn json(ids: &[Uuid]) -> String {
    serde_json::json!(ids).to_string()
}

fn outbox_row(row: &SqliteRow) -> sqlx::Result<OutboxRow> {
    Ok(OutboxRow {
        id: db::uuid(row, "id")?,
        subject: row.try_get("subject")?,
        message: row.try_get("message")?,
    })
}
