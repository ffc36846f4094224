async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, NotHandled> {
    match before {
        Some(Reservation::Held) => {
            store::sell(tx, order).await?;
            Ok(Reservation::Sold)
        }
        Some(Reservation::Sold) => Ok(Reservation::Sold),
        Some(Reservation::Released | Reservation::Refused(_)) | None => {
            Err(NotHandled::Poison(format!("nothing is held for the order {}", order.0)))
        }
    }
}
