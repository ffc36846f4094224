impl<H: Handler> Consumer<H> {
    async fn dead_letter(&self, message: &jetstream::Message, reason: &str) -> anyhow::Result<AckKind> {
        let info = message.info().map_err(anyhow::Error::from_boxed)?;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{} {} {}", self.stream, info.stream_sequence, info.consumer));
        headers.insert("Reason", reason.replace(['\r', '\n'], " "));
        headers.insert("Subject", message.subject.as_str());
        let dead = format!("dead.{}", info.consumer);
        self.bus.jetstream.publish_with_headers(dead, headers, message.payload.clone()).await?;
        Ok(AckKind::Term)
    }
}
