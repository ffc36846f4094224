impl App {
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        let mut conn = self.db.read().await?;
        let customer = (!all_customers).then_some(caller.id);
        let before = cursor.unwrap_or(Uuid::max());
        let orders = store::list_orders(&mut conn, customer, before, limit.plus_one()).await?;
        let mut page = Page::cut(orders, limit, |order| order.id.0);
        for order in &mut page.items {
            order.customer_name = self.name(order.customer_id).await;
        }
        Ok(page)
    }
}
