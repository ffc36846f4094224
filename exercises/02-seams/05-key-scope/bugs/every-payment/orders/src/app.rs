impl App {
    /// Starts the payment of one of the caller's orders. The payment attempt is committed before the request is sent to
    /// the provider. If this process dies in between, the worker of the next process sends the same request.
    pub async fn pay_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        id: OrderId,
        source: Source,
    ) -> Result<Keyed<Order>, Error> {
        let intent = Intent { caller: caller.id, operation: "pay_order".to_owned(), key };
        let customer_name = self.name(caller.id).await;
        let mut tx = self.db.write().await?;
        if let Some(answered) = idempotency::find(&mut tx, &intent, &source).await? {
            return Ok(answered);
        }
        let now = db::now();
        let mut order = owned_by(store::find_order(&mut tx, id).await?, caller)?;
        let amount = order.pay(now)?;
        let token = source.as_str().to_owned();
        let attempt = Attempt { id: Uuid::now_v7(), order: id, source: token, amount, attempts: 1 };
        store::save_step(&mut tx, &order).await?;
        store::insert_attempt(&mut tx, &attempt, self.lease_expires_at(now)).await?;
        order.customer_name = customer_name;
        let keyed = idempotency::save(&mut tx, &intent, &source, order, now).await?;
        tx.commit().await?;
        self.start_charge(attempt);
        Ok(keyed)
    }
}
