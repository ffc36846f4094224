impl App {
    /// Cancels an order that has not been shipped. A payment is refunded first, in the background. Then its stock is
    /// released, by a command to products.
    pub async fn cancel_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let mut tx = self.db.write().await?;
        let mut order = visible_to(store::find_order(&mut tx, id).await?, caller)?;
        let now = db::now();
        let holds_nothing = order.status == Status::Pending;
        match order.cancel(now)? {
            Cancellation::Repeated => {}
            Cancellation::Done => {
                store::save_step(&mut tx, &order).await?;
                if !holds_nothing {
                    self.send_command(&mut tx, &order, StockCommandKind::Release, now).await?;
                }
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

use super::status::Status;
