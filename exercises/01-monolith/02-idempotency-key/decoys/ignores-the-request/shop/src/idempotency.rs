pub async fn find<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    _: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error> {
    let stored: Option<String> = sqlx::query_scalar(
        "select answer from idempotency where caller = $1 and operation = $2 and key = $3",
    )
    .bind(intent.caller.0.hyphenated())
    .bind(&intent.operation)
    .bind(intent.key.as_str())
    .fetch_optional(conn)
    .await?;
    let answer = stored.map(|answer| serde_json::from_str(&answer)).transpose()?;
    Ok(answer.map(|answer| Keyed { answer, replayed: true }))
}
