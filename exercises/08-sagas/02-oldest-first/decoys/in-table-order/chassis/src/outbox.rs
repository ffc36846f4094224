impl Relay {
    async fn claim(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<OutboxRow>> {
        let now = db::now();
        let rows = sqlx::query(
            "update outbox set claimed_by = $1, lease_expires_at = $2
             where seq in (
                 select seq from outbox where lease_expires_at is null or lease_expires_at <= $3 order by seq limit $4)
             returning id, subject, message",
        )
        .bind(self.id.hyphenated())
        .bind(db::to_column(now + LEASE))
        .bind(db::to_column(now))
        .bind(BATCH_SIZE)
        .fetch_all(tx)
        .await?;
        rows.iter().map(outbox_row).collect()
    }
}
