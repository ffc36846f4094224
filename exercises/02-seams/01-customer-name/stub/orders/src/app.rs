impl App {
    /// Reads an order of the caller's, or for staff anybody's.
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        todo!("an order, with its name")
    }

    /// Lists orders, newest first: the caller's, or for staff everybody's.
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        todo!("a page of orders, each with its name")
    }

    /// Never with a transaction or a connection in hand: whoever is called may take its time.
    async fn named(&self, order: Order) -> Order {
        todo!("an order, with the present name of its customer")
    }

    /// What a customer is called. An order can be read without: whatever happens to `users` does not happen here.
    async fn name(&self, customer: UserId) -> Option<String> {
        todo!("what a customer is called")
    }
}
