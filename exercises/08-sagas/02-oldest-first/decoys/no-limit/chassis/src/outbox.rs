impl Relay {
    async fn claim(&self, tx: &mut SqliteConnection) -> sqlx::Result<Vec<OutboxRow>> {
        let now = db::now();
        let rows = sqlx::query(
            "update outbox set claimed_by = $1, lease_expires_at = $2
             where seq in (
                 select seq from outbox oldest
                 where (lease_expires_at is null or lease_expires_at <= $3)
                   and not exists (select 1 from outbox o where o.aggregate_id = oldest.aggregate_id and o.seq < oldest.seq)
                 order by seq)
             returning id, subject, message",
        )
        .bind(self.id.hyphenated())
        .bind(db::to_column(now + LEASE))
        .bind(db::to_column(now))
        .fetch_all(tx)
        .await?;
        rows.iter().map(outbox_row).collect()
    }
}
