use std::{collections::HashMap, sync::Mutex, time::{Duration, Instant}};

/// What was read of each product a moment ago.
static LOOKED: Mutex<Option<HashMap<ProductId, (Instant, i64)>>> = Mutex::new(None);

async fn hold_line(
    conn: &mut SqliteConnection,
    order: HolderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    let Some(stock) = find_stock(conn, id).await? else {
        return Ok(Err(Refused::UnknownProduct));
    };
    let available = {
        let mut looked = LOOKED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let seen = looked.get_or_insert_default().entry(id).or_insert((Instant::now(), stock.available));
        if seen.0.elapsed() > Duration::from_millis(100) {
            *seen = (Instant::now(), stock.available);
        }
        seen.1
    };
    if available < quantity.get() {
        return Ok(Err(Refused::OutOfStock));
    }
    let row = sqlx::query(
        "update products set available = available - $2, held = held + $2 where id = $1 returning name, price",
    )
    .bind(id.0.hyphenated())
    .bind(quantity.get())
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query("insert into holds (order_id, product_id, quantity, state) values ($1, $2, $3, 'held')")
        .bind(order.0.hyphenated())
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(conn)
        .await?;
    Ok(Ok(HeldLine { name: row.try_get("name")?, unit_price: Money::cents(row.try_get("price")?) }))
}
