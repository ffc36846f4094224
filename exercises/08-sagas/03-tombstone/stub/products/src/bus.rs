/// Holds the lines of an order. If the order has a reservation already, it stays as it is: stock is held once.
async fn hold(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
    lines: &[WantedLine],
) -> sqlx::Result<Reservation> {
    todo!("hold")
}

/// Sells the held stock. A sale without a hold is rejected, because orders never sends one.
async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, HandlerError> {
    todo!("sell")
}

/// Releases the held or sold stock. If there is no reservation yet, the released one is a tombstone: a hold that arrives later finds
/// it and does nothing.
async fn release(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> sqlx::Result<Reservation> {
    todo!("release")
}
