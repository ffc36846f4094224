pub async fn find(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    _: &str,
) -> Result<Option<Answer>, Error> {
    let stored =
        sqlx::query("select * from idempotency where caller = $1 and operation = $2 and key = $3")
            .bind(intent.caller.0.hyphenated())
            .bind(&intent.operation)
            .bind(intent.key.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(stored.as_ref().map(stored_answer).transpose()?)
}
