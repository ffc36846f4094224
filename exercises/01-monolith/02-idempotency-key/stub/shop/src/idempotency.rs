/// Finds the answer that this intent had. The same key with another request is an error.
pub async fn find<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error> {
    todo!("the answer that this intent had")
}

/// Stores the answer to this intent, in the transaction of its effect.
pub async fn save<T: Serialize>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
    answer: T,
    now: Timestamp,
) -> Result<Keyed<T>, Error> {
    todo!("store the answer")
}
