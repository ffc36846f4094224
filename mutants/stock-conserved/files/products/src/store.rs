pub async fn release(conn: &mut SqliteConnection, order: HolderId) -> sqlx::Result<()> {
    let units = "update products set held = held - h.quantity
                 from holds h where h.order_id = $1 and h.product_id = products.id and h.state = 'held'";
    for_order(conn, order, units).await?;
    for_order(conn, order, "delete from holds where order_id = $1 and state = 'held'").await
}
