impl App {
    /// Asks under a new id each time: who has heard the last one only recognises it, and says nothing.
    async fn ask(
        &self,
        tx: &mut SqliteConnection,
        order: &Order,
        request: StockRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        todo!("ask")
    }

    /// Asks again for what was not answered in time, or gives the order up while that is possible.
    pub(super) async fn ask_again(&self, request: StockRequest) -> Result<(), Error> {
        todo!("ask again, or give up")
    }
}
