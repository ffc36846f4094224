impl App {
    /// Reads one of the caller's orders, or for staff any order.
    pub async fn read_order(&self, caller: Caller, id: OrderId) -> Result<Order, Error> {
        todo!("read an order with its name")
    }

    /// Lists orders, newest first: the caller's, or with `all_customers` those of everybody.
    pub async fn list_orders(
        &self,
        caller: Caller,
        all_customers: bool,
        limit: Limit,
        cursor: Option<Uuid>,
    ) -> Result<Page<Order>, Error> {
        todo!("list orders with their names")
    }

    /// The order with the present name of its customer. Do not hold a connection during this call, because it may take time.
    async fn named(&self, order: Order) -> Order {
        todo!("add the name to an order")
    }

    /// The name of a customer. `None` if it cannot be read, because an order without a name is better than none.
    async fn name(&self, customer: UserId) -> Option<String> {
        todo!("the name of a customer")
    }
}
