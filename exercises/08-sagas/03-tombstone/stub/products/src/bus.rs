/// Holds what an order wants, unless that was decided before: whatever became of it then, it is not held again.
async fn hold(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
    lines: &[WantedLine],
) -> sqlx::Result<Reservation> {
    todo!("hold")
}

/// Sells what is held. What was never held is never sold: that nobody can have asked for.
async fn sell(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> Result<Reservation, NotHandled> {
    todo!("sell")
}

/// Gives back what is held or sold. Where nothing is, it notes that nothing is to be: the hold may come yet.
async fn release(
    tx: &mut SqliteConnection,
    order: HolderId,
    before: Option<Reservation>,
) -> sqlx::Result<Reservation> {
    todo!("release")
}
