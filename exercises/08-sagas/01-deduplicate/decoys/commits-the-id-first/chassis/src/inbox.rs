impl<H: Handler> Consumer<H> {
    async fn handle_in_transaction(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, HandlerError> {
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => unreadable::<H::Message>(payload, &error),
                Ok(envelope) if !mark_processed(&mut tx, envelope.id).await? => Outcome::Duplicate,
                Ok(envelope) => {
                    tx.commit().await?;
                    tx = self.db.write().await?;
                    self.apply(&mut tx, &envelope).await?;
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        Ok(outcomes)
    }
}
