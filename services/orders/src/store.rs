//! The SQL of orders, payment attempts, refunds and stock requests.

use jiff::Timestamp;
use serde::Deserialize;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    Error,
    domain::{Order, OrderId, Payment, TransitionError},
    provider::{Attempt, Refund},
    stock::{StockCommandKind, StockRequest},
};
use chassis::db;
use contracts::{caller::UserId, money::Money};

/// Finds an order. Returns [`Error::NotFound`] if it does not exist.
pub async fn find_order(conn: &mut SqliteConnection, id: OrderId) -> Result<Order, Error> {
    let row = sqlx::query("select * from named_orders where id = $1")
        .bind(id.0.hyphenated())
        .fetch_optional(conn)
        .await?;
    Ok(order(&row.ok_or(Error::NotFound)?)?)
}

/// Lists the orders with an id before `before`, newest first, of one customer or of all.
pub async fn list_orders(
    conn: &mut SqliteConnection,
    customer: Option<UserId>,
    before: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Order>> {
    let query = match customer {
        Some(customer) => sqlx::query(
            "select * from named_orders where id < $1 and customer_id = $3 order by id desc limit $2",
        )
        .bind(before.hyphenated())
        .bind(limit)
        .bind(customer.0.hyphenated()),
        None => sqlx::query("select * from named_orders where id < $1 order by id desc limit $2")
            .bind(before.hyphenated())
            .bind(limit),
    };
    let rows = query.fetch_all(conn).await?;
    rows.iter().map(order).collect()
}

/// Stores a new order.
pub async fn insert_order(conn: &mut SqliteConnection, order: &Order) -> Result<(), Error> {
    sqlx::query(
        "insert into orders (id, customer_id, status, version, reason, items, total, captured, refunded, history,
                             created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10)",
    )
    .bind(order.id.0.hyphenated())
    .bind(order.customer_id.0.hyphenated())
    .bind(order.status.as_str())
    .bind(order.version())
    .bind(order.reason.map(|reason| reason.as_str()))
    .bind(serde_json::to_string(&order.items)?)
    .bind(order.total.map(|total| total.amount))
    .bind(serde_json::to_string(&order.history)?)
    .bind(db::to_column(order.created_at))
    .bind(order.expires_at.map(db::to_column))
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the last transition of an order, if the stored order still has the status and version before it (optimistic
/// locking).
pub async fn save_step(conn: &mut SqliteConnection, order: &Order) -> Result<(), Error> {
    let [.., from, to] = order.history.as_slice() else {
        return Err(TransitionError::Status(order.status).into());
    };
    let saved = sqlx::query(
        "update orders set status = $4, version = version + 1, reason = $5, captured = $6, refunded = $7,
                           decline_code = $8, history = $9, items = $10, total = $11, expires_at = $12
         where id = $1 and status = $2 and version = $3",
    )
    .bind(order.id.0.hyphenated())
    .bind(from.status.as_str())
    .bind(order.version() - 1)
    .bind(to.status.as_str())
    .bind(order.reason.map(|reason| reason.as_str()))
    .bind(order.payment.captured.amount)
    .bind(order.payment.refunded.amount)
    .bind(&order.payment.decline_code)
    .bind(serde_json::to_string(&order.history)?)
    .bind(serde_json::to_string(&order.items)?)
    .bind(order.total.map(|total| total.amount))
    .bind(order.expires_at.map(db::to_column))
    .execute(conn)
    .await?;
    if saved.rows_affected() == 0 {
        return Err(TransitionError::Status(from.status).into());
    }
    Ok(())
}

/// Finds unpaid orders that have expired.
pub async fn expired_orders(conn: &mut SqliteConnection, now: Timestamp) -> sqlx::Result<Vec<OrderId>> {
    let rows = sqlx::query(
        "select id from orders where status = 'awaiting_payment' and expires_at <= $1 order by expires_at limit 100",
    )
    .bind(db::to_column(now))
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| db::uuid(row, "id").map(OrderId)).collect()
}

/// Stores an attempt before its first request is sent, and when to retry if no outcome is stored by then.
pub async fn insert_attempt(
    conn: &mut SqliteConnection,
    attempt: &Attempt,
    next_attempt_at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into payment_attempts (id, order_id, source, amount, attempts, next_attempt_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(attempt.id.hyphenated())
    .bind(attempt.order.0.hyphenated())
    .bind(&attempt.source)
    .bind(attempt.amount.amount)
    .bind(attempt.attempts)
    .bind(db::to_column(next_attempt_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Claims at most `limit` of the attempts that are due, the longest overdue first. No other worker claims them until
/// `lease_expires_at`.
pub async fn claim_due_attempts(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lease_expires_at: Timestamp,
    limit: usize,
) -> sqlx::Result<Vec<Attempt>> {
    let rows = sqlx::query(
        "update payment_attempts set attempts = attempts + 1, next_attempt_at = $2
         where id in (select id from payment_attempts where outcome is null and next_attempt_at <= $1
                      order by next_attempt_at limit $3)
         returning id, order_id, source, amount, attempts",
    )
    .bind(db::to_column(now))
    .bind(db::to_column(lease_expires_at))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    rows.iter().map(attempt).collect()
}

/// Sets the time of the next request for an attempt that is still open.
pub async fn postpone_attempt(conn: &mut SqliteConnection, id: Uuid, until: Timestamp) -> sqlx::Result<()> {
    sqlx::query("update payment_attempts set next_attempt_at = $2 where id = $1 and outcome is null")
        .bind(id.hyphenated())
        .bind(db::to_column(until))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores the outcome of an attempt. Returns false if an outcome is already stored.
pub async fn close_attempt(
    conn: &mut SqliteConnection,
    id: Uuid,
    outcome: &str,
    charge: Option<&str>,
) -> sqlx::Result<bool> {
    let closed = sqlx::query(
        "update payment_attempts set outcome = $2, charge_id = $3 where id = $1 and outcome is null",
    )
    .bind(id.hyphenated())
    .bind(outcome)
    .bind(charge)
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Finds the provider's id of the charge that paid an order.
pub async fn find_charge(conn: &mut SqliteConnection, order: OrderId) -> sqlx::Result<String> {
    let charge = sqlx::query_scalar(
        "select charge_id from payment_attempts where order_id = $1 and outcome = 'succeeded'",
    )
    .bind(order.0.hyphenated())
    .fetch_one(conn)
    .await?;
    Ok(charge)
}

/// Stores a refund before its first request is sent, and when to retry if it is not done by then.
pub async fn insert_refund(
    conn: &mut SqliteConnection,
    refund: &Refund,
    next_attempt_at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into refunds (id, order_id, charge_id, amount, attempts, next_attempt_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(refund.id.hyphenated())
    .bind(refund.order.0.hyphenated())
    .bind(&refund.charge)
    .bind(refund.amount.amount)
    .bind(refund.attempts)
    .bind(db::to_column(next_attempt_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Claims at most `limit` of the refunds that are due, the longest overdue first. No other worker claims them until
/// `lease_expires_at`.
pub async fn claim_due_refunds(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lease_expires_at: Timestamp,
    limit: usize,
) -> sqlx::Result<Vec<Refund>> {
    let rows = sqlx::query(
        "update refunds set attempts = attempts + 1, next_attempt_at = $2
         where id in (select id from refunds where done = 0 and next_attempt_at <= $1
                      order by next_attempt_at limit $3)
         returning id, order_id, charge_id, amount, attempts",
    )
    .bind(db::to_column(now))
    .bind(db::to_column(lease_expires_at))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    rows.iter().map(refund).collect()
}

/// Sets the time of the next request for a refund that is not done.
pub async fn postpone_refund(conn: &mut SqliteConnection, id: Uuid, until: Timestamp) -> sqlx::Result<()> {
    sqlx::query("update refunds set next_attempt_at = $2 where id = $1 and done = 0")
        .bind(id.hyphenated())
        .bind(db::to_column(until))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores that a refund is done. Returns false if that is already stored.
pub async fn close_refund(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    let closed = sqlx::query("update refunds set done = 1 where id = $1 and done = 0")
        .bind(id.hyphenated())
        .execute(conn)
        .await?;
    Ok(closed.rows_affected() == 1)
}

/// Stores the command that was sent for an order, and when to retry it. It replaces the command that was sent before.
pub async fn save_stock_request(
    conn: &mut SqliteConnection,
    request: &StockRequest,
    next_attempt_at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into stock_requests (order_id, command, attempts, next_attempt_at) values ($1, $2, $3, $4)
         on conflict (order_id) do update set command = $2, attempts = $3, next_attempt_at = $4",
    )
    .bind(request.order.0.hyphenated())
    .bind(request.kind.as_str())
    .bind(request.attempts)
    .bind(db::to_column(next_attempt_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds commands whose reply is overdue.
pub async fn due_stock_requests(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> sqlx::Result<Vec<StockRequest>> {
    let rows = sqlx::query(
        "select order_id, command, attempts from stock_requests where next_attempt_at <= $1 order by next_attempt_at limit 100",
    )
    .bind(db::to_column(now))
    .fetch_all(conn)
    .await?;
    rows.iter().map(stock_request).collect()
}

/// Deletes a request if it is unchanged and still due, so that only one instance handles it.
pub async fn claim_due_stock_request(
    conn: &mut SqliteConnection,
    request: StockRequest,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let closed = sqlx::query(
        "delete from stock_requests where order_id = $1 and command = $2 and attempts = $3 and next_attempt_at <= $4",
    )
    .bind(request.order.0.hyphenated())
    .bind(request.kind.as_str())
    .bind(request.attempts)
    .bind(db::to_column(now))
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Deletes a request after its reply. False if there is none, or none for this command any longer.
pub async fn delete_stock_request(
    conn: &mut SqliteConnection,
    order: OrderId,
    kind: StockCommandKind,
) -> sqlx::Result<bool> {
    let closed = sqlx::query("delete from stock_requests where order_id = $1 and command = $2")
        .bind(order.0.hyphenated())
        .bind(kind.as_str())
        .execute(conn)
        .await?;
    Ok(closed.rows_affected() == 1)
}

/// Stores the name of a customer, unless a newer one is stored already.
pub async fn save_customer(
    conn: &mut SqliteConnection,
    customer: UserId,
    name: &str,
    version: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into customers (id, name, version) values ($1, $2, $3)
         on conflict (id) do update set name = $2, version = $3 where version < $3",
    )
    .bind(customer.0.hyphenated())
    .bind(name)
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the name of a customer, if it is known.
pub async fn find_customer(conn: &mut SqliteConnection, customer: UserId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("select name from customers where id = $1")
        .bind(customer.0.hyphenated())
        .fetch_optional(conn)
        .await
}

/// Whether an attempt or refund is due. The worker checks this with a reader, so that it takes the writer only if there
/// is something to claim.
pub async fn has_due_work(conn: &mut SqliteConnection, now: Timestamp) -> sqlx::Result<bool> {
    let due = sqlx::query_scalar(
        "select exists (select 1 from payment_attempts where outcome is null and next_attempt_at <= $1)
             or exists (select 1 from refunds where done = 0 and next_attempt_at <= $1)",
    )
    .bind(db::to_column(now))
    .fetch_one(conn)
    .await?;
    Ok(due)
}

/// Whether the next attempt of a command or request is planned for a time after `latest`.
pub async fn has_requests_after(conn: &mut SqliteConnection, latest: Timestamp) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from payment_attempts where outcome is null and next_attempt_at > $1)
             or exists (select 1 from refunds where done = 0 and next_attempt_at > $1)
             or exists (select 1 from stock_requests where next_attempt_at > $1)",
    )
    .bind(db::to_column(latest))
    .fetch_one(conn)
    .await
}

/// Makes the commands and requests due whose next attempt is planned for a time after `latest`.
pub async fn make_due(conn: &mut SqliteConnection, now: Timestamp, latest: Timestamp) -> sqlx::Result<()> {
    for statement in [
        "update payment_attempts set next_attempt_at = $1 where outcome is null and next_attempt_at > $2",
        "update refunds set next_attempt_at = $1 where done = 0 and next_attempt_at > $2",
        "update stock_requests set next_attempt_at = $1 where next_attempt_at > $2",
    ] {
        sqlx::query(statement)
            .bind(db::to_column(now))
            .bind(db::to_column(latest))
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

fn order(row: &SqliteRow) -> sqlx::Result<Order> {
    Ok(Order {
        id: OrderId(db::uuid(row, "id")?),
        customer_id: UserId(db::uuid(row, "customer_id")?),
        customer_name: row.try_get("customer_name")?,
        status: db::parse_column("status", row.try_get("status")?)?,
        reason: row
            .try_get::<Option<_>, _>("reason")?
            .map(|text| db::parse_column("reason", text))
            .transpose()?,
        items: json(row, "items")?,
        total: row.try_get::<Option<_>, _>("total")?.map(Money::cents),
        payment: Payment {
            captured: Money::cents(row.try_get("captured")?),
            refunded: Money::cents(row.try_get("refunded")?),
            decline_code: row.try_get("decline_code")?,
        },
        history: json(row, "history")?,
        created_at: db::timestamp(row, "created_at")?,
        expires_at: db::optional_timestamp(row, "expires_at")?,
    })
}

fn stock_request(row: &SqliteRow) -> sqlx::Result<StockRequest> {
    Ok(StockRequest {
        order: OrderId(db::uuid(row, "order_id")?),
        kind: db::parse_column("command", row.try_get("command")?)?,
        attempts: row.try_get("attempts")?,
    })
}

fn attempt(row: &SqliteRow) -> sqlx::Result<Attempt> {
    Ok(Attempt {
        id: db::uuid(row, "id")?,
        order: OrderId(db::uuid(row, "order_id")?),
        source: row.try_get("source")?,
        amount: Money::cents(row.try_get("amount")?),
        attempts: row.try_get("attempts")?,
    })
}

fn refund(row: &SqliteRow) -> sqlx::Result<Refund> {
    Ok(Refund {
        id: db::uuid(row, "id")?,
        order: OrderId(db::uuid(row, "order_id")?),
        charge: row.try_get("charge_id")?,
        amount: Money::cents(row.try_get("amount")?),
        attempts: row.try_get("attempts")?,
    })
}

fn json<T: for<'de> Deserialize<'de>>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}
