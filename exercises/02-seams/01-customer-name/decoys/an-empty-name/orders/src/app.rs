impl App {
    async fn name(&self, customer: UserId) -> Option<String> {
        Some(self.users.read_name(customer).await.ok().flatten().unwrap_or_default())
    }
}
