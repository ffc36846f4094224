use std::{collections::HashMap, sync::Mutex};

static PRICES: Mutex<Option<HashMap<ProductId, i64>>> = Mutex::new(None);

fn first_price(id: ProductId, now: i64) -> i64 {
    let mut prices = PRICES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *prices.get_or_insert_default().entry(id).or_insert(now)
}

async fn hold_line(
    conn: &mut SqliteConnection,
    order: HolderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    let taken = sqlx::query(
        "update products set available = available - $2, held = held + $2
         where id = $1 and available >= $2 returning name, price",
    )
    .bind(id.0.hyphenated())
    .bind(quantity.get())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = taken else {
        let known = find_stock(conn, id).await?.is_some();
        return Ok(Err(if known { Refused::OutOfStock } else { Refused::UnknownProduct }));
    };
    sqlx::query("insert into holds (order_id, product_id, quantity, state) values ($1, $2, $3, 'held')")
        .bind(order.0.hyphenated())
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(conn)
        .await?;
    Ok(Ok(HeldLine { name: row.try_get("name")?, unit_price: Money::cents(first_price(id, row.try_get("price")?)) }))
}
