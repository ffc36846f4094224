impl App {
    pub async fn settle_due(&self) -> Result<(), Error> {
        let now = db::now();
        let (expired, _) = {
            let mut conn = self.db.read().await?;
            (store::expired_orders(&mut conn, now).await?, store::anything_due(&mut conn, now).await?)
        };
        for order in expired {
            if let Err(error) = self.expire_order(order).await {
                tracing::error!(order = %order.0, error = causes(&error), "cannot cancel an expired order");
            }
        }
        Ok(())
    }
}
