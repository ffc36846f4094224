fn is_transient(_: &sqlx::Error) -> bool {
    false
}
