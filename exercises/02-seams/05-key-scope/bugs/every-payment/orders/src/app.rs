impl App {
    /// Starts the payment of one of the caller's orders. The payment attempt is committed before the request is sent to
    /// the provider. If this process dies in between, the worker of the next process sends the same request.
    pub async fn pay_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        id: OrderId,
        source: Source,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: "pay_order".to_owned(), key };
        let customer_name = self.name(caller.id).await;
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let now = db::now();
        let mut order = owned_by(store::find_order(&mut tx, id).await?, caller)?;
        let amount = order.pay(now)?;
        let token = source.as_str().to_owned();
        let attempt = Attempt { id: Uuid::now_v7(), order: id, source: token, amount, attempts: 1 };
        store::save_step(&mut tx, &order).await?;
        store::insert_attempt(&mut tx, &attempt, self.lease_expires_at(now)).await?;
        order.customer_name = customer_name;
        let answer = Answer::json(StatusCode::ACCEPTED, &order)?;
        idempotency::save(&mut tx, &intent, request, &answer, now).await?;
        tx.commit().await?;
        self.start_charge(attempt);
        Ok(answer)
    }
}
