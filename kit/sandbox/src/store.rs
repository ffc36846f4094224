//! The SQL of the ledger, one function per statement.

use jiff::Timestamp;
use sqlx::{Result, SqliteConnection};
use uuid::Uuid;

use crate::ledger::{Charge, ChargeRequest, Refund};

/// Counts a request for a charge. The first request with a key creates the row.
pub(crate) async fn record_attempt(
    conn: &mut SqliteConnection,
    key: &str,
    request: &ChargeRequest,
) -> Result<Charge> {
    sqlx::query_as(
        "insert into charges (id, idempotency_key, reference, amount, currency, source, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (idempotency_key) do update set attempts = attempts + 1
         returning *",
    )
    .bind(format!("ch_{}", Uuid::now_v7().simple()))
    .bind(key)
    .bind(&request.reference)
    .bind(request.amount)
    .bind(&request.currency)
    .bind(&request.source)
    .bind(Timestamp::now().to_string())
    .fetch_one(conn)
    .await
}

/// Stores the outcome of a charge.
pub(crate) async fn decide_charge(
    conn: &mut SqliteConnection,
    id: &str,
    status: &str,
    decline_code: Option<&str>,
) -> Result<Charge> {
    sqlx::query_as("update charges set status = $1, decline_code = $2 where id = $3 returning *")
        .bind(status)
        .bind(decline_code)
        .bind(id)
        .fetch_one(conn)
        .await
}

/// Finds a charge whose outcome is decided.
pub(crate) async fn find_charge(conn: &mut SqliteConnection, id: &str) -> Result<Option<Charge>> {
    sqlx::query_as("select * from charges where id = $1 and status is not null")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Lists the charges whose outcome is decided, oldest first. `None` matches every charge.
pub(crate) async fn list_charges(
    conn: &mut SqliteConnection,
    reference: Option<&str>,
    key: Option<&str>,
) -> Result<Vec<Charge>> {
    sqlx::query_as(
        "select * from charges
         where status is not null
           and ($1 is null or reference = $1)
           and ($2 is null or idempotency_key = $2)
         order by created_at, id",
    )
    .bind(reference)
    .bind(key)
    .fetch_all(conn)
    .await
}

/// Finds the refund of a key.
pub(crate) async fn find_refund(conn: &mut SqliteConnection, key: &str) -> Result<Option<Refund>> {
    sqlx::query_as("select * from refunds where idempotency_key = $1").bind(key).fetch_optional(conn).await
}

/// Adds an amount to the refunded amount of a charge.
pub(crate) async fn add_to_refunded(conn: &mut SqliteConnection, charge: &str, amount: i64) -> Result<()> {
    let update = sqlx::query("update charges set refunded = refunded + $1 where id = $2");
    update.bind(amount).bind(charge).execute(conn).await?;
    Ok(())
}

/// Stores a refund.
pub(crate) async fn insert_refund(
    conn: &mut SqliteConnection,
    key: &str,
    charge: &str,
    amount: i64,
) -> Result<Refund> {
    sqlx::query_as(
        "insert into refunds (id, idempotency_key, charge_id, amount, created_at)
         values ($1, $2, $3, $4, $5) returning *",
    )
    .bind(format!("re_{}", Uuid::now_v7().simple()))
    .bind(key)
    .bind(charge)
    .bind(amount)
    .bind(Timestamp::now().to_string())
    .fetch_one(conn)
    .await
}
