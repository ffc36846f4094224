async fn hold(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
    lines: &[WantedLine],
) -> sqlx::Result<Reservation> {
    if let Some(before @ (Reservation::Held | Reservation::Sold | Reservation::Released)) = before {
        return Ok(before);
    }
    let held = store::hold(tx, order, lines).await?;
    Ok(held.map_or_else(Reservation::Refused, |_| Reservation::Held))
}
