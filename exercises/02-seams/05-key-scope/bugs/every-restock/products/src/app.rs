impl App {
    /// Adds units of a product to its stock.
    pub async fn restock(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        id: ProductId,
        units: i64,
    ) -> Result<Keyed<Stock>, Error> {
        let intent = Intent { caller: caller.id, operation: "restock".to_owned(), key };
        let mut tx = self.db.write().await?;
        if let Some(answered) = idempotency::find(&mut tx, &intent, &units).await? {
            return Ok(answered);
        }
        let stock = store::add_units(&mut tx, id, units).await?.ok_or(Error::NotFound)?;
        let keyed = idempotency::save(&mut tx, &intent, &units, stock, db::now()).await?;
        tx.commit().await?;
        tracing::info!(product = %id.0, units, "product restocked");
        Ok(keyed)
    }
}
