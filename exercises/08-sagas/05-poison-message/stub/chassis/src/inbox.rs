impl<H: Handler> Consumer<H> {
    /// Treats a panic of the handler like an error: the transaction is rolled back, and the loop continues.
    async fn handle_catching_panics(&self, tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, HandlerError> {
        todo!("process the messages, and catch panics")
    }

    /// Reports the outcome to the stream: ack, nak with a delay, or term.
    async fn acknowledge(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        todo!("report the outcome")
    }

    /// Moves a message to the dead-letter stream. It is terminated only after the stream has stored it.
    async fn dead_letter(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        todo!("move it to the dead-letter stream")
    }
}
