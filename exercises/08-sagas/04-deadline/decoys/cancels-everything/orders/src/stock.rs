impl App {
    pub(super) async fn ask_again(&self, request: StockRequest) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let now = db::now();
        if !store::close_due_request(&mut tx, request, now).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, request.order).await?;
        if request.attempts >= ASKS_TO_HOLD {
            order.time_out(now)?;
            store::save_step(&mut tx, &order).await?;
            self.ask_products(&mut tx, &order, What::Release, now).await?;
        } else {
            self.ask(&mut tx, &order, StockRequest { attempts: request.attempts + 1, ..request }, now).await?;
        }
        Ok(tx.commit().await?)
    }
}
