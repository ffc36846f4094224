//! Keys that make a repeat harmless: the first answer is stored in the transaction of its effect, so there is never
//! one without the other, and a repeat reads it.
//!
//! A repeat that arrives while the first is under way waits for it at the door of the one writing transaction.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use crate::{Db, Error, caller::UserId, db, error::error_chain, web::IdempotencyKey};

/// One intent of a client: the same three again are the same intent.
pub struct Intent<'a> {
    /// Whose key it is.
    pub caller: UserId,
    /// What is asked, of what: the method and path of the request, as a use case and its id.
    pub operation: String,
    /// The client's name for it.
    pub key: &'a IdempotencyKey,
}

/// An answer, and whether it was given before.
#[derive(Debug)]
pub struct Keyed<T> {
    /// As first given.
    pub answer: T,
    /// Whether nothing was done this time.
    pub replayed: bool,
}

/// Finds the answer that this intent had. The same key with another request is an error.
pub async fn find<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error> {
    let stored: Option<(String, String)> = sqlx::query_as(
        "select request, answer from idempotency where caller = $1 and operation = $2 and key = $3",
    )
    .bind(intent.caller.0.hyphenated())
    .bind(&intent.operation)
    .bind(intent.key.as_str())
    .fetch_optional(conn)
    .await?;
    match stored {
        None => Ok(None),
        Some((first, answer)) if first == serde_json::to_string(request)? => {
            Ok(Some(Keyed { answer: serde_json::from_str(&answer)?, replayed: true }))
        }
        Some(_) => Err(Error::KeyReused),
    }
}

/// Stores the answer to this intent, in the transaction of its effect.
pub async fn save<T: Serialize>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
    answer: T,
    now: Timestamp,
) -> Result<Keyed<T>, Error> {
    sqlx::query("insert into idempotency values ($1, $2, $3, $4, $5, $6)")
        .bind(intent.caller.0.hyphenated())
        .bind(&intent.operation)
        .bind(intent.key.as_str())
        .bind(serde_json::to_string(request)?)
        .bind(serde_json::to_string(&answer)?)
        .bind(db::to_column(now))
        .execute(conn)
        .await?;
    Ok(Keyed { answer, replayed: false })
}

/// How long answers are kept at least.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Forgets old answers, every hour, for ever.
pub async fn prune_hourly(db: Db) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = prune_expired_keys(&db, db::now() - RETENTION).await {
            tracing::error!(
                error = error_chain(&error),
                "cannot forget old answers; trying again in an hour"
            );
        }
    }
}

/// Forgets the answers given before a time: a few in a transaction, so that nobody waits long to write.
pub async fn prune_expired_keys(db: &Db, before: Timestamp) -> sqlx::Result<()> {
    const BATCH: i64 = 500;
    loop {
        let mut tx = db.write().await?;
        let deleted = sqlx::query(
            "delete from idempotency where rowid in
             (select rowid from idempotency where created_at < $1 order by created_at limit $2)",
        )
        .bind(db::to_column(before))
        .bind(BATCH)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if deleted.rows_affected() < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}
