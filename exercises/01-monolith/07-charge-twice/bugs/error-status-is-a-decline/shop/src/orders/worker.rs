impl App {
    /// Charges the money of an order, and stores the outcome and everything that follows from it.
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.provider.charge(attempt).await {
            Ok(Charged::Succeeded { id }) => self.record_capture(attempt, &id).await,
            Ok(Charged::Declined { decline_code }) => self.record_decline(attempt, decline_code).await,
            // An error status: the provider has not taken the money, so the customer can try again at once.
            Err(OutcomeUnknown::ErrorStatus(status)) => {
                self.record_decline(attempt, format!("provider_error_{}", status.as_u16())).await
            }
            Err(unknown @ OutcomeUnknown::NoResponse(_)) => {
                log_unknown_outcome(attempt.order, &unknown);
                let mut tx = self.db.write().await?;
                store::postpone_attempt(&mut tx, attempt.id, db::now() + backoff(attempt.attempts)).await?;
                Ok(tx.commit().await?)
            }
        }
    }
}
