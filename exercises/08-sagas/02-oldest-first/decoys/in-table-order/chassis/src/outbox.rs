impl Relay {
    async fn take(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<Parcel>> {
        let now = db::now();
        let rows = sqlx::query(
            "update outbox set owner = $1, owned_until = $2
             where seq in (
                 select seq from outbox where owned_until is null or owned_until <= $3 order by seq limit $4)
             returning id, subject, message",
        )
        .bind(self.id.hyphenated())
        .bind(db::to_column(now + LEASE))
        .bind(db::to_column(now))
        .bind(BATCH)
        .fetch_all(tx)
        .await?;
        rows.iter().map(parcel).collect()
    }
}
