impl App {
    /// Places an order. It holds its stock and awaits payment, or it is rejected. Both are stored, and both are answers.
    pub async fn place_order(
        &self,
        caller: Caller,
        key: &IdempotencyKey,
        request: &str,
        lines: Lines,
    ) -> Result<Answer, Error> {
        todo!("place an order")
    }
}
