/// Finds the stored answer for this intent. `request` is the body of this request in its canonical form. Returns
/// [`Error::KeyReused`] if the key was used for a different request.
pub async fn find(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &str,
) -> Result<Option<Answer>, Error> {
    todo!("find the stored answer")
}

/// Stores the answer for this intent. Call it in the transaction of the effect.
pub async fn save(
    conn: &mut SqliteConnection,
    intent: &Intent<'_>,
    request: &str,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), Error> {
    todo!("store the answer")
}
