impl App {
    /// Sends a command. Every attempt gets a new message id. With the old id the inbox of products would treat it as a
    /// duplicate and send no reply.
    async fn send_attempt(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        request: StockRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        todo!("send the command")
    }

    /// Handles a command whose reply is overdue: sends it again, or cancels the order while that is possible.
    pub(super) async fn retry_or_cancel(&self, request: StockRequest) -> Result<(), Error> {
        todo!("retry or cancel")
    }
}
