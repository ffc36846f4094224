impl<H: Handle> Consumer<H> {
    async fn handle_all(&self, mut tx: Transaction, payloads: &[Bytes]) -> Result<Vec<Outcome>, NotHandled> {
        let mut outcomes = Vec::with_capacity(payloads.len());
        for payload in payloads {
            outcomes.push(match serde_json::from_slice::<Envelope<H::Message>>(payload) {
                Err(error) => Outcome::Later(error.into()),
                Ok(envelope) if !note(&mut tx, envelope.id).await? => Outcome::Repeated,
                Ok(envelope) => {
                    self.handler.handle(&mut tx, &envelope).await?;
                    Outcome::Done
                }
            });
        }
        tx.commit().await?;
        Ok(outcomes)
    }
}
