async fn release(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> sqlx::Result<Reservation> {
    let before = before.ok_or(sqlx::Error::RowNotFound)?;
    store::give_back(tx, order, before).await?;
    Ok(Reservation::Released)
}
