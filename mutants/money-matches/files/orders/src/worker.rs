impl App {
    pub async fn refund(&self, refund: &Refund) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        if !store::close_refund(&mut tx, refund.id).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, refund.order).await?;
        order.refund(refund.amount, db::now())?;
        store::save_step(&mut tx, &order).await?;
        products::take_back(&mut tx, order.id.into()).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "refunded an order");
        Ok(())
    }
}
