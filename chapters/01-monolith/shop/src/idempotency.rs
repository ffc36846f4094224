//! Idempotency keys make a retry safe. The first answer is stored in the same transaction as the effect of the request,
//! so one never exists without the other. A retry reads the stored answer.
//!
//! Request and answer are stored as they crossed the wire, not as types of this program. So an answer that another version
//! of the program has stored is repeated byte for byte, and a request is compared with what the client sent.
//!
//! A retry that arrives while the first request is in progress waits, because there is only one write transaction at a
//! time.

use std::time::Duration;

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::{
    Db, Error,
    caller::UserId,
    db,
    error::error_chain,
    web::{IdempotencyKey, Problem},
};

/// What identifies a keyed request: two requests with the same three values are the same intent of the client.
pub struct Intent<'a> {
    /// The account that sent the key.
    pub caller: UserId,
    /// The use case and the id it applies to. They identify the method and path of the request.
    pub operation: String,
    /// The key that the client chose.
    pub key: &'a IdempotencyKey,
}

/// The answer to a keyed request, in the form in which it is sent and stored.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    content_type: String,
    location: Option<String>,
    body: Vec<u8>,
    replayed: bool,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: StatusCode, body: &impl Serialize) -> serde_json::Result<Self> {
        Ok(Self {
            status: status.as_u16(),
            content_type: "application/json".to_owned(),
            location: None,
            body: serde_json::to_vec(body)?,
            replayed: false,
        })
    }

    /// Adds the header `Location`: the path of the new resource.
    #[must_use]
    pub fn location(self, path: String) -> Self {
        Self { location: Some(path), ..self }
    }
}

/// The response. A retry gets the header `Idempotency-Replayed: true`.
impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response =
            Response::builder().status(self.status).header(header::CONTENT_TYPE, self.content_type);
        if let Some(location) = self.location {
            response = response.header(header::LOCATION, location);
        }
        if self.replayed {
            response = response.header("idempotency-replayed", "true");
        }
        response.body(Body::from(self.body)).unwrap_or_else(|_| Problem::internal().into_response())
    }
}

/// Finds the stored answer for this intent. `request` is the body of this request in its canonical form. Returns
/// [`Error::KeyReused`] if the key was used for a different request.
pub async fn find(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &str,
) -> Result<Option<Answer>, Error> {
    let stored = sqlx::query("select * from idempotency where caller = $1 and operation = $2 and key = $3")
        .bind(intent.caller.0.hyphenated())
        .bind(&intent.operation)
        .bind(intent.key.as_str())
        .fetch_optional(conn)
        .await?;
    let Some(row) = stored else { return Ok(None) };
    if row.try_get::<Option<&str>, _>("request")?.is_some_and(|first| first != request) {
        return Err(Error::KeyReused);
    }
    Ok(Some(stored_answer(&row)?))
}

/// Stores the answer for this intent. Call it in the transaction of the effect.
pub async fn save(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &str,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query("insert into idempotency values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(intent.caller.0.hyphenated())
        .bind(&intent.operation)
        .bind(intent.key.as_str())
        .bind(request)
        .bind(answer.status)
        .bind(&answer.content_type)
        .bind(&answer.location)
        .bind(&answer.body)
        .bind(db::to_column(now))
        .execute(conn)
        .await?;
    Ok(())
}

fn stored_answer(row: &SqliteRow) -> sqlx::Result<Answer> {
    Ok(Answer {
        status: row.try_get("status")?,
        content_type: row.try_get("content_type")?,
        location: row.try_get("location")?,
        body: row.try_get("body")?,
        replayed: true,
    })
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use sqlx::Connection;
    use uuid::Uuid;

    use super::*;

    const LAST_OF_THE_FIRST_TABLE: i64 = 4;

    /// Status, location, content type and body of the answer to a retry.
    async fn retry(conn: &mut SqliteConnection, operation: &str) -> (u16, Option<String>, String, String) {
        let key = IdempotencyKey::parse("k").unwrap();
        let intent = Intent { caller: UserId(Uuid::nil()), operation: operation.to_owned(), key: &key };
        let answer = find(conn, &intent, r#"{"any":"request"}"#).await.unwrap().unwrap().into_response();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("idempotency-replayed").as_deref(), Some("true"));
        let (status, location) = (answer.status().as_u16(), header("location"));
        let content_type = header("content-type").unwrap();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, location, content_type, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn an_answer_of_the_first_table_is_repeated_byte_for_byte_even_with_a_field_that_is_unknown_now() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let migrations = sqlx::migrate!();
        migrations.run_to(LAST_OF_THE_FIRST_TABLE, &mut conn).await.unwrap();
        let body = r#"{"gift":true,"id":"7"}"#;
        for operation in ["place_order", "pay_order 7", "add_product", "restock 7"] {
            sqlx::query(
                "insert into idempotency values ($1, $2, 'k', '[]', $3, '2026-01-01T00:00:00.000000Z')",
            )
            .bind(Uuid::nil().hyphenated())
            .bind(operation)
            .bind(body)
            .execute(&mut conn)
            .await
            .unwrap();
        }
        migrations.run(&mut conn).await.unwrap();
        let expected = |status, location: Option<&str>| {
            (status, location.map(str::to_owned), "application/json".to_owned(), body.to_owned())
        };
        assert_eq!(retry(&mut conn, "place_order").await, expected(201, Some("/orders/7")));
        assert_eq!(retry(&mut conn, "pay_order 7").await, expected(202, None));
        assert_eq!(retry(&mut conn, "add_product").await, expected(201, Some("/products/7")));
        assert_eq!(retry(&mut conn, "restock 7").await, expected(201, None));
    }
}
