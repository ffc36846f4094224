pub async fn hold(
    conn: &mut SqliteConnection,
    order: OrderId,
    lines: &[(ProductId, Quantity)],
) -> sqlx::Result<Result<Vec<HeldLine>, Refused>> {
    let mut held = Vec::with_capacity(lines.len());
    for &(product, quantity) in lines {
        match hold_line(conn, order, product, quantity).await? {
            Ok(line) => held.push(line),
            Err(refused) => return Ok(Err(refused)),
        }
    }
    Ok(Ok(held))
}
