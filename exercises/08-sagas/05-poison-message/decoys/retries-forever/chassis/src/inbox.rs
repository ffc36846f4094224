impl<H: Handle> Consumer<H> {
    async fn answer(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        let tries = message.info().map_or(1, |info| info.delivered);
        let kind = match outcome {
            Outcome::Done | Outcome::Repeated => AckKind::Ack,
            Outcome::Later(error) => {
                tracing::warn!(subject = %message.subject, tries, error = error_chain(&*error), "cannot handle a message yet");
                AckKind::Nak(Some(pause(tries)))
            }
            Outcome::Poison(reason) => self.put_aside(message, &reason).await?,
        };
        message.ack_with(kind).await.map_err(anyhow::Error::from_boxed)
    }
}
