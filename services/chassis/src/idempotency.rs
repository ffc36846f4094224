//! Keys that make a repeat harmless: the first answer is stored in the transaction of its effect, so there is never
//! one without the other, and a repeat reads it.
//!
//! A repeat that arrives while the first is under way waits for it at the door of the one writing transaction.

use contracts::caller::UserId;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::SqliteConnection;

use crate::{Error, db, web::IdempotencyKey};

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

/// Stores the answer to this intent, in the transaction of its effect.
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
