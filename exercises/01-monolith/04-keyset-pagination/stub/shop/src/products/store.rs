/// Lists the products with a `seq` less than `before`, newest first.
pub async fn list_products(
    conn: &mut SqliteConnection,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Product>> {
    todo!("list the products of a page")
}
