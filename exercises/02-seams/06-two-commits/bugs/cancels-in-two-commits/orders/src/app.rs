impl App {
    async fn cancel(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut tx = self.db.write().await?;
        let mut order = visible_to(store::find_order(&mut tx, id).await?, caller)?;
        let now = db::now();
        match order.cancel(now)? {
            Cancellation::Repeated => {}
            Cancellation::Done => {
                store::save_step(&mut tx, &order).await?;
                tx.commit().await?;
                let mut tx = self.db.write().await?;
                products::release(&mut tx, id.into()).await?;
                tx.commit().await?;
                tracing::info!(order = %id.0, "order cancelled");
            }
            Cancellation::Refund => {
                store::save_step(&mut tx, &order).await?;
                let charge = store::find_charge(&mut tx, id).await?;
                let refund = Refund {
                    id: Uuid::now_v7(),
                    order: id,
                    charge,
                    amount: order.payment.captured,
                    attempts: 1,
                };
                store::insert_refund(&mut tx, &refund, self.lease_expires_at(now)).await?;
                tx.commit().await?;
                self.start_refund(refund);
            }
        }
        Ok(order)
    }
}
