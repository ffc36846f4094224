impl<H: Handle> Consumer<H> {
    async fn put_aside(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        tracing::error!(subject = %message.subject, reason, "a message cannot be handled");
        Ok(AckKind::Ack)
    }
}
