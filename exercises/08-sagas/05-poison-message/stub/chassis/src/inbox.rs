impl<H: Handle> Consumer<H> {
    /// A panic is one more way to fail: the transaction is undone, and the loop goes on.
    async fn handle_in(&self, tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        todo!("handle them, whatever happens")
    }

    /// Tells the stream how a message ended.
    async fn answer(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        todo!("tell the stream")
    }

    /// Stores a message among the dead letters, and only then gives it up.
    async fn put_aside(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        todo!("put it aside")
    }
}
