async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, HandlerError> {
    match before {
        Some(Reservation::Held) => {
            store::sell(tx, order).await?;
            Ok(Reservation::Sold)
        }
        Some(Reservation::Sold) => Ok(Reservation::Sold),
        Some(Reservation::Released | Reservation::Refused(_)) | None => {
            Err(HandlerError::Reject(format!("nothing is held for the order {}", order.0)))
        }
    }
}
