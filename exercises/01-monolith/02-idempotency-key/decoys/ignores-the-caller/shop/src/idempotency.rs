pub async fn find(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &str,
) -> Result<Option<Answer>, Error> {
    let stored = sqlx::query("select * from idempotency where key = $1 order by created_at")
        .bind(intent.key.as_str())
        .fetch_optional(conn)
        .await?;
    let Some(row) = stored else { return Ok(None) };
    if row.try_get::<Option<&str>, _>("request")?.is_some_and(|first| first != request) {
        return Err(Error::KeyReused);
    }
    Ok(Some(stored_answer(&row)?))
}
