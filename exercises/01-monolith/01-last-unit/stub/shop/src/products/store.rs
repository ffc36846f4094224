/// Holds stock for all lines of an order, or for none if one line cannot be held.
///
/// Returns the name and price of each line.
pub async fn hold(
    conn: &mut SqliteConnection,
    order: OrderId,
    lines: &[(ProductId, Quantity)],
) -> sqlx::Result<Result<Vec<HeldLine>, Refused>> {
    todo!("hold all lines, or none")
}

/// Holds units of one product: moves them from `available` to `held`, and records the order in `holds`.
///
/// Returns the product's present name and price, or why the units cannot be held.
async fn hold_line(
    conn: &mut SqliteConnection,
    order: OrderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    todo!("hold the units, or return the reason")
}
