impl<H: Handler> Consumer<H> {
    /// Processes messages in one transaction, and commits it. Returns the outcome of each, in order.
    async fn handle_in_transaction(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, HandlerError> {
        todo!("process the messages")
    }
}

/// Records the id of a message. False if it was recorded before: the message is a duplicate.
async fn mark_processed(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    todo!("record the id")
}
