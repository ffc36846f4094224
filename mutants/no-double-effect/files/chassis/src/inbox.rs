async fn note(_: &mut SqliteConnection, _: Uuid) -> sqlx::Result<bool> {
    Ok(true)
}
