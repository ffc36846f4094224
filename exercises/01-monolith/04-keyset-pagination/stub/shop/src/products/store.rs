/// Lists products, newest first, from those added before `before`.
pub async fn list_products(
    conn: &mut SqliteConnection,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    todo!("a part of the list")
}
