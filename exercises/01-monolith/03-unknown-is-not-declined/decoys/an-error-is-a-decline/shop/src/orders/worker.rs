impl App {
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        match self.provider.charge(attempt).await {
            Ok(Charged::Succeeded { id }) => self.record_capture(attempt, &id).await,
            Ok(Charged::Declined { decline_code }) => self.record_decline(attempt, decline_code).await,
            Err(unknown) => {
                log_unknown_outcome(attempt.order, &unknown);
                self.record_decline(attempt, "provider_error".to_owned()).await
            }
        }
    }
}
