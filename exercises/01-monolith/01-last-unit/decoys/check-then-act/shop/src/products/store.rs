async fn hold_line(
    conn: &mut SqliteConnection,
    order: OrderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    let Some(product) = find_product(conn, id).await? else {
        return Ok(Err(Refused::UnknownProduct));
    };
    if product.available < quantity.get() {
        return Ok(Err(Refused::OutOfStock));
    }
    sqlx::query("update products set available = available - $2, held = held + $2 where id = $1")
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(&mut *conn)
        .await?;
    sqlx::query("insert into holds (order_id, product_id, quantity, state) values ($1, $2, $3, 'held')")
        .bind(order.0.hyphenated())
        .bind(id.0.hyphenated())
        .bind(quantity.get())
        .execute(conn)
        .await?;
    Ok(Ok(HeldLine { name: product.name, unit_price: product.price }))
}
