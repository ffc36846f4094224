impl<H: Handler> Consumer<H> {
    async fn dead_letter(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        tracing::error!(subject = %message.subject, reason, "a message cannot be handled");
        Ok(AckKind::Ack)
    }
}
