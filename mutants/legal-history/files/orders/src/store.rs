pub async fn insert_order(conn: &mut SqliteConnection, order: &Order) -> Result<(), Error> {
    sqlx::query(
        "insert into orders (id, customer_id, status, version, reason, items, total, captured, refunded, history,
                             created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10)",
    )
    .bind(order.id.0.hyphenated())
    .bind(order.customer_id.0.hyphenated())
    .bind(order.status.as_str())
    .bind(version(order.history.len() - 1))
    .bind(order.reason.map(|reason| reason.as_str()))
    .bind(serde_json::to_string(&order.items)?)
    .bind(order.total.map(|total| total.amount))
    .bind(serde_json::to_string(&order.history[1..])?)
    .bind(db::to_column(order.created_at))
    .bind(order.expires_at.map(db::to_column))
    .execute(conn)
    .await?;
    Ok(())
}
