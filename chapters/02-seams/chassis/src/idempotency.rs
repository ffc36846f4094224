//! Idempotency keys make a retry safe. The first answer is stored in the same transaction as the effect of the request,
//! so one never exists without the other. A retry reads the stored answer.
//!
//! A retry that arrives while the first request is in progress waits, because there is only one write transaction at a
//! time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use crate::{Db, Error, caller::UserId, db, error::error_chain, web::IdempotencyKey};

/// What identifies a keyed request: two requests with the same three values are the same intent of the client.
pub struct Intent<'a> {
    /// The account that sent the key.
    pub caller: UserId,
    /// The use case and the id it applies to. They identify the method and path of the request.
    pub operation: String,
    /// The key that the client chose.
    pub key: &'a IdempotencyKey,
}

/// The answer to a keyed request.
#[derive(Debug)]
pub struct Keyed<T> {
    /// The answer, as it was first given.
    pub answer: T,
    /// Whether this was a retry, and the answer was only read.
    pub replayed: bool,
}

/// Finds the stored answer for this intent. Returns [`Error::KeyReused`] if the key was used for a different request.
pub async fn find<T: DeserializeOwned, E>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error<E>> {
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

/// Stores the answer for this intent. Call it in the transaction of the effect.
pub async fn save<T: Serialize, E>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
    answer: T,
    now: Timestamp,
) -> Result<Keyed<T>, Error<E>> {
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

/// How long a key and its answer are kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Deletes expired keys every hour. Never returns.
pub async fn prune_hourly(db: Db) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(error) = prune_expired_keys(&db, db::now() - RETENTION).await {
            tracing::error!(
                error = error_chain(&error),
                "deleting expired idempotency keys failed, retrying in an hour"
            );
        }
    }
}

/// Deletes the keys created before a time. Each transaction deletes one batch, so that other writers do not wait long.
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
