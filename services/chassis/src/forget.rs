//! What is kept for a while and then forgotten: answers to keyed requests, and the ids of handled messages.

use std::time::Duration;

use contracts::stream::EVENTS_KEPT_FOR;
use jiff::Timestamp;

use crate::{Db, db, error::error_chain};

/// How long the answer to a keyed request is kept at least.
const ANSWERS_KEPT_FOR: Duration = Duration::from_hours(24);

/// How long the id of a handled message is kept at least: for as long as its stream could bring it again.
const MESSAGES_KEPT_FOR: Duration = EVENTS_KEPT_FOR.saturating_add(Duration::from_hours(24));

/// Forgets what is old, every hour, for ever.
pub async fn keep_forgetting(db: Db) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = forget(&db, db::now()).await {
            tracing::error!(
                error = error_chain(&error),
                "cannot forget what is old; trying again in an hour"
            );
        }
    }
}

/// Forgets what is old at a time: a few rows in a transaction, so that nobody waits long to write.
pub async fn forget(db: &Db, now: Timestamp) -> sqlx::Result<()> {
    let answers = "delete from idempotency where rowid in
                   (select rowid from idempotency where created_at < $1 order by created_at limit $2)";
    let messages = "delete from inbox where message_id in
                    (select message_id from inbox where handled_at < $1 order by handled_at limit $2)";
    forget_few_by_few(db, answers, now - ANSWERS_KEPT_FOR).await?;
    forget_few_by_few(db, messages, now - MESSAGES_KEPT_FOR).await
}

async fn forget_few_by_few(db: &Db, statement: &'static str, before: Timestamp) -> sqlx::Result<()> {
    const FEW: i64 = 500;
    loop {
        let mut tx = db.write().await?;
        let forgotten =
            sqlx::query(statement).bind(db::to_column(before)).bind(FEW).execute(&mut *tx).await?;
        tx.commit().await?;
        if forgotten.rows_affected() < FEW.unsigned_abs() {
            return Ok(());
        }
    }
}
