impl Relay {
    /// Takes the oldest message of each aggregate, unless another relay is publishing it.
    async fn take(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<Parcel>> {
        todo!("take what is next")
    }
}
