impl App {
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let order = store::find_order(&mut *self.db.read().await?, id).await?;
        let mut order = visible_to(order, caller)?;
        order.customer_name =
            sqlx::query_scalar("select name from orders join users on users.id = customer_id where orders.id = $1")
                .bind(id.0.hyphenated())
                .fetch_optional(&mut *self.db.read().await?)
                .await?;
        Ok(order)
    }
}
