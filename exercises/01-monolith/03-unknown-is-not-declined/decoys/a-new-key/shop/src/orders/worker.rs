impl App {
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.provider.charge(attempt).await {
            Ok(Charged::Succeeded { id }) => self.record_capture(attempt, &id).await,
            Ok(Charged::Declined { decline_code }) => self.record_decline(attempt, decline_code).await,
            Err(unknown) => {
                log_unknown_outcome(attempt.order, &unknown);
                let mut tx = self.db.write().await?;
                store::close_attempt(&mut tx, attempt.id, "declined", None).await?;
                let fresh = Attempt { id: uuid::Uuid::now_v7(), ..attempt.clone() };
                store::insert_attempt(&mut tx, &fresh, db::now() + backoff(attempt.attempts)).await?;
                Ok(tx.commit().await?)
            }
        }
    }
}
