async fn hold_line(
    conn: &mut SqliteConnection,
    order: OrderId,
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
    let Some(row) = taken else { return Ok(Err(Refused::OutOfStock)) };
    sqlx::query("insert into holds (order_id, product_id, quantity, state) values ($1, $2, $3, 'held')")
        .bind(order.0.hyphenated())
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(conn)
        .await?;
    Ok(Ok(HeldLine { name: row.try_get("name")?, unit_price: Money::cents(row.try_get("price")?) }))
}
