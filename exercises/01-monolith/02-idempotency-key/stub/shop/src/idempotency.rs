/// Finds the stored answer for this intent. Returns [`Error::KeyReused`] if the key was used for a different request.
pub async fn find<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
) -> Result<Option<Keyed<T>>, Error> {
    todo!("find the stored answer")
}

/// Stores the answer for this intent. Call it in the transaction of the effect.
pub async fn save<T: Serialize>(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &impl Serialize,
    answer: T,
    now: Timestamp,
) -> Result<Keyed<T>, Error> {
    todo!("store the answer")
}
