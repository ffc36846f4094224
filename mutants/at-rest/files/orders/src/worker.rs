impl App {
    pub async fn process_due_work(&self) -> Result<(), Error> {
        let now = db::now();
        let (expired, _) = {
            let mut conn = self.db.read().await?;
            (store::expired_orders(&mut conn, now).await?, store::has_due_work(&mut conn, now).await?)
        };
        for order in expired {
            if let Err(error) = self.expire_order(order).await {
                tracing::error!(order = %order.0, error = error_chain(&error), "cannot cancel an expired order");
            }
        }
        Ok(())
    }
}
