impl App {
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        let order = store::find_order(&mut *self.db.read().await?, id).await?;
        let mut order = visible_to(order, caller)?;
        let name = self.users.read_name(order.customer_id).await;
        order.customer_name = name.map_err(|error| Error::Unexpected(error.into()))?;
        Ok(order)
    }
}
