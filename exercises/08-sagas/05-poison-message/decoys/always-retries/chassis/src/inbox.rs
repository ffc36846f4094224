impl<H: Handler> Consumer<H> {
    async fn dead_letter(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        tracing::error!(subject = %message.subject, reason, "a message cannot be handled yet");
        let attempts = message.info().map_or(1, |info| info.delivered);
        Ok(AckKind::Nak(Some(retry_delay(attempts))))
    }
}
