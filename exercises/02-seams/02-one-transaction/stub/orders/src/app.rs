impl App {
    /// Places an order: holds its stock and awaits payment, or else is rejected. Both are stored, and both are answers.
    pub async fn place_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        lines: Lines,
    ) -> Result<Keyed<Order>, Error> {
        todo!("an order, its stock and its answer: all or nothing")
    }
}
