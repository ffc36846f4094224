impl Relay {
    /// Claims the oldest message of each aggregate, unless another relay is publishing it.
    async fn claim(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<OutboxRow>> {
        todo!("claim messages")
    }
}
