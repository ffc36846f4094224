pub async fn list_products(
    conn: &mut SqliteConnection,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    let rows = sqlx::query(
        "select seq, id, name, description, price, available, created_at, updated_at
         from products where seq <= $1 order by seq desc limit $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(product).collect()
}
