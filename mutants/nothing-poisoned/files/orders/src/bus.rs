impl App {
    async fn stock_refused(
        &self,
        _: &mut SqliteConnection,
        order: OrderId,
        reason: Refused,
    ) -> Result<(), NotHandled> {
        Err(NotHandled::Poison(format!("the order {} was refused its stock: {reason:?}", order.0)))
    }
}
