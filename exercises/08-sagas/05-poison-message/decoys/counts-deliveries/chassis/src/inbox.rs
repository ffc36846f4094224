impl<H: Handler> Consumer<H> {
    async fn acknowledge(&self, message: &jetstream::Message, outcome: Outcome) -> anyhow::Result<()> {
        let attempts = message.info().map_or(1, |info| info.delivered);
        let kind = match outcome {
            Outcome::Done | Outcome::Duplicate => AckKind::Ack,
            Outcome::Retry(error) if attempts >= 20 => {
                self.dead_letter(message, &format!("{error:#} ({attempts} attempts)")).await?
            }
            Outcome::Retry(_) | Outcome::Unknown(_) => AckKind::Nak(Some(retry_delay(attempts))),
            Outcome::Reject(reason) => self.dead_letter(message, &reason).await?,
        };
        message.ack_with(kind).await.map_err(anyhow::Error::from_boxed)
    }
}
