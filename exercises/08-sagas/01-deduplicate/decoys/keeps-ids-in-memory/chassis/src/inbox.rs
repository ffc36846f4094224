static HANDLED: std::sync::LazyLock<std::sync::Mutex<std::collections::HashSet<Uuid>>> =
    std::sync::LazyLock::new(Default::default);

async fn mark_processed(_: &mut SqliteConnection, id: Uuid) -> sqlx::Result<bool> {
    Ok(HANDLED.lock().is_ok_and(|mut handled| handled.insert(id)))
}
