impl<H: Handle> Consumer<H> {
    async fn put_aside(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        tracing::error!(subject = %message.subject, reason, "a message cannot be handled yet");
        let tries = message.info().map_or(1, |info| info.delivered);
        Ok(AckKind::Nak(Some(pause(tries))))
    }
}
