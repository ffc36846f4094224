impl App {
    /// Adds units of a product to its stock.
    pub async fn restock(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        id: ProductId,
        units: i64,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: "restock".to_owned(), key };
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let stock = store::add_units(&mut tx, id, units).await?.ok_or(Error::NotFound)?;
        let answer = Answer::json(StatusCode::CREATED, &stock)?;
        idempotency::save(&mut tx, &intent, request, &answer, db::now()).await?;
        tx.commit().await?;
        tracing::info!(product = %id.0, units, "product restocked");
        Ok(answer)
    }
}
