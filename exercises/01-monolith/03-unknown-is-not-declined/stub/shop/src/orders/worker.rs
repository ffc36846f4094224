impl App {
    /// Asks for the money of an order, and stores the answer with all that follows from it. No answer is stored as
    /// none: the attempt stays open, and is due again after a pause.
    pub async fn charge(&self, attempt: &Attempt) -> Result<(), Error> {
        todo!("ask, and store what the answer says")
    }

    /// The provider has taken the money; it calls that `charge`. The first answer to an attempt does everything.
    async fn record_capture(&self, attempt: &Attempt, charge: &str) -> Result<(), Error> {
        todo!("the money is taken")
    }

    /// The provider has refused, for a reason that it calls `code`. The first answer to an attempt does everything.
    async fn record_decline(&self, attempt: &Attempt, charge: &str, code: String) -> Result<(), Error> {
        todo!("the money is not taken")
    }
}
