async fn mark_processed(_: &mut SqliteConnection, _: Uuid) -> sqlx::Result<bool> {
    Ok(true)
}
