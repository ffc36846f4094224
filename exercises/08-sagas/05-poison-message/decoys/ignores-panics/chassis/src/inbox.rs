impl<H: Handle> Consumer<H> {
    async fn handle_in(&self, tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        self.handle_all(tx, payloads).await
    }
}
