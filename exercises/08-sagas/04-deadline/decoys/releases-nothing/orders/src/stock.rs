impl App {
    pub(super) async fn retry_or_cancel(&self, request: StockRequest) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let now = db::now();
        if !store::claim_due_stock_request(&mut tx, request, now).await? {
            return Ok(());
        }
        let mut order = store::find_order(&mut tx, request.order).await?;
        if request.kind == StockCommandKind::Hold && request.attempts >= MAX_HOLD_ATTEMPTS {
            order.time_out(now)?;
            store::save_step(&mut tx, &order).await?;
        } else {
            self.send_attempt(&mut tx, &order, StockRequest { attempts: request.attempts + 1, ..request }, now).await?;
        }
        Ok(tx.commit().await?)
    }
}
