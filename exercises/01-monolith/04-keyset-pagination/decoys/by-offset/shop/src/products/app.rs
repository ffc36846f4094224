impl App {
    pub async fn list_products(
        &self,
        search: &str,
        limit: Limit,
        cursor: Option<i64>,
    ) -> Result<Page<Product>, Error> {
        let mut conn = self.db.read().await?;
        if let Some(words) = search_query(search) {
            let before = cursor.unwrap_or(i64::MAX);
            let products = store::search_products(&mut conn, &words, before, limit.plus_one()).await?;
            return Ok(Page::cut(products, limit, |product| product.seq));
        }
        let skipped = cursor.unwrap_or(0);
        let products = store::list_products(&mut conn, skipped, limit.plus_one()).await?;
        Ok(Page::cut(products, limit, |_| skipped + limit.plus_one() - 1))
    }
}
