impl App {
    async fn record_capture(&self, attempt: &Attempt, charge: &str) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        store::close_attempt(&mut tx, attempt.id, "succeeded", Some(charge)).await?;
        let mut order = store::find_order(&mut tx, attempt.order).await?;
        order.capture(attempt.amount, db::now())?;
        store::save_step(&mut tx, &order).await?;
        products::sell(&mut tx, order.id).await?;
        tx.commit().await?;
        tracing::info!(order = %order.id.0, "paid an order");
        Ok(())
    }
}
