impl App {
    async fn stock_refused(
        &self,
        _: &mut SqliteConnection,
        order: OrderId,
        reason: Refused,
    ) -> Result<(), HandlerError> {
        Err(HandlerError::Reject(format!("the order {} was refused its stock: {reason:?}", order.0)))
    }
}
