pub async fn find<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error> {
    let stored: Option<(String, String)> =
        sqlx::query_as("select request, answer from idempotency where key = $1 order by created_at")
            .bind(intent.key.as_str())
            .fetch_optional(conn)
            .await?;
    match stored {
        None => Ok(None),
        Some((first, answer)) if first == serde_json::to_string(request)? => {
            Ok(Some(Keyed { answer: serde_json::from_str(&answer)?, replayed: true }))
        }
        Some(_) => Err(Error::KeyReused),
    }
}
