/// Replaces the password hash.
pub async fn update_password(conn: &mut SqliteConnection, id: UserId, hash: &str) -> sqlx::Result<()> {
    sqlx::query("update users set password_hash = $2 where id = $1")
        .bind(id.0.hyphenated())
        .bind(hash)
        .execute(conn)
        .await?;
    Ok(())
}
