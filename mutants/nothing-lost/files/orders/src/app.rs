impl App {
    pub async fn place_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        lines: Lines,
    ) -> Result<Answer, Error> {
        let intent = Intent { caller: caller.id, operation: "place_order".to_owned(), key };
        let customer_name = self.name(caller.id).await;
        let mut tx = self.db.write().await?;
        if let Some(answer) = idempotency::find(&mut tx, &intent, request).await? {
            return Ok(answer);
        }
        let now = db::now();
        let mut order = Order::place(OrderId(Uuid::now_v7()), caller.id, customer_name, &lines, now);
        match products::hold(&mut tx, order.id.into(), lines.as_slice()).await? {
            Ok(held) => order.hold(held, now + self.order_ttl, now)?,
            Err(refused) => order.reject(refused.into(), now)?,
        }
        store::insert_order(&mut tx, &order).await?;
        let path = format!("/orders/{}", order.id.0);
        let answer = Answer::json(StatusCode::CREATED, &order)?.location(path);
        idempotency::save(&mut tx, &intent, request, &answer, now).await?;
        if lines.as_slice().len() == 1 {
            tx.commit().await?;
        }
        tracing::info!(order = %order.id.0, status = %order.status, "placed an order");
        Ok(answer)
    }
}
