fn is_passing(_: &sqlx::Error) -> bool {
    false
}
