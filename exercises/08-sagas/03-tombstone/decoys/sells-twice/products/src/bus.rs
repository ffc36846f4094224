async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, HandlerError> {
    match before {
        Some(Reservation::Held | Reservation::Sold) => {
            store::sell(tx, order).await?;
            Ok(Reservation::Sold)
        }
        Some(Reservation::Released) => Ok(Reservation::Released),
        Some(Reservation::Refused(_)) | None => {
            Err(HandlerError::Reject(format!("nothing is held for the order {}", order.0)))
        }
    }
}
