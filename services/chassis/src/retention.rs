//! Retention: deletes the stored responses of keyed requests and the ids of processed messages when they are old
//! enough.

use std::time::Duration;

use contracts::stream::EVENT_RETENTION;
use jiff::Timestamp;

use crate::{Db, db, error::error_chain};

/// The minimum time that the response to a keyed request is kept.
const RESPONSE_RETENTION: Duration = Duration::from_hours(24);

/// The minimum time that the id of a processed message is kept: as long as the stream of events can redeliver an event,
/// and a day more. The stream of commands deletes a command when it is acknowledged.
const MESSAGE_ID_RETENTION: Duration = EVENT_RETENTION.saturating_add(Duration::from_hours(24));

/// Deletes old rows every hour, for ever.
pub async fn prune_hourly(db: Db) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = prune(&db, db::now()).await {
            tracing::error!(error = error_chain(&error), "pruning failed, retrying in an hour");
        }
    }
}

/// Deletes every row that is older than its retention. A transaction deletes few rows, so that other writers never wait
/// long.
pub async fn prune(db: &Db, now: Timestamp) -> sqlx::Result<()> {
    let responses = "delete from idempotency where rowid in
                     (select rowid from idempotency where created_at < $1 order by created_at limit $2)";
    let message_ids = "delete from inbox where message_id in
                       (select message_id from inbox where processed_at < $1 order by processed_at limit $2)";
    delete_in_batches(db, responses, now - RESPONSE_RETENTION).await?;
    delete_in_batches(db, message_ids, now - MESSAGE_ID_RETENTION).await
}

async fn delete_in_batches(db: &Db, statement: &'static str, before: Timestamp) -> sqlx::Result<()> {
    const BATCH_SIZE: i64 = 500;
    loop {
        let mut tx = db.write().await?;
        let deleted =
            sqlx::query(statement).bind(db::to_column(before)).bind(BATCH_SIZE).execute(&mut *tx).await?;
        tx.commit().await?;
        if deleted.rows_affected() < BATCH_SIZE.unsigned_abs() {
            return Ok(());
        }
    }
}
