/// Sets stock aside for an order: all of its lines or, where one cannot be had, none.
///
/// Gives for each line what it is called and costs from now on.
pub async fn hold(
    conn: &mut SqliteConnection,
    order: OrderId,
    lines: &[(ProductId, Quantity)],
) -> sqlx::Result<Result<Vec<HeldLine>, Refused>> {
    todo!("all lines, or none")
}

/// Sets units of one product aside: from `available` to `held`, with a row in `holds` that says for whom.
///
/// Gives what the product is called and costs now; or that there is no such product, or that there are too few.
async fn hold_line(
    conn: &mut SqliteConnection,
    order: OrderId,
    id: ProductId,
    quantity: Quantity,
) -> sqlx::Result<Result<HeldLine, Refused>> {
    todo!("take the units, or say why not")
}
