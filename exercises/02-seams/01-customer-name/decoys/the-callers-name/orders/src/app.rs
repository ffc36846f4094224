impl App {
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        let customer = (!all_customers).then_some(caller.id);
        let before = cursor.unwrap_or(Uuid::max());
        let orders =
            store::list_orders(&mut *self.db.read().await?, customer, before, limit.plus_one()).await?;
        let mut page = Page::cut(orders, limit, |order| order.id.0);
        let name = self.name(caller.id).await;
        for order in &mut page.items {
            order.customer_name = name.clone();
        }
        Ok(page)
    }
}
