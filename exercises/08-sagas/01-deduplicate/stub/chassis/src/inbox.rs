impl<H: Handle> Consumer<H> {
    /// Handles messages in one transaction, and commits it. Gives how each of them ended, in their order.
    async fn handle_all(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        todo!("handle them, each once and for all")
    }
}

/// Notes that a message is handled: false where it has been before.
async fn note(conn: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    todo!("note it")
}
