impl<H: Handler> Consumer<H> {
    async fn handle_catching_panics(&self, tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, HandlerError> {
        self.handle_in_transaction(tx, payloads).await
    }
}
