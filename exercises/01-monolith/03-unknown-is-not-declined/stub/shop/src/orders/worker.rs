impl App {
    /// Charges the money of an order, and stores the outcome and everything that follows from it. If the outcome is
    /// unknown, the attempt stays open and is retried after a back-off.
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        todo!("charge, and store the outcome")
    }

    /// Stores that the money was taken. `charge` is the provider's id. Only the first response to an attempt has an effect.
    async fn record_capture(&self, attempt: &Attempt, charge: &str) -> Result<(), Error> {
        todo!("store that the money is taken")
    }

    /// Stores that the charge was declined. `code` is the provider's reason. Only the first response to an attempt has an effect.
    async fn record_decline(&self, attempt: &Attempt, code: String) -> Result<(), Error> {
        todo!("store that the money is not taken")
    }
}
