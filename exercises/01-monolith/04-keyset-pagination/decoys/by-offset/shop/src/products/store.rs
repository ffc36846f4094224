pub async fn list_products(
    conn: &mut SqliteConnection,
    skipped: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(
        "select seq, id, name, description, price, available, created_at, updated_at
         from products order by seq desc limit $2 offset $1",
    )
    .bind(skipped)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(product).collect()
}
