impl App {
    /// The present name of an account. `None` if there is no such account.
    pub async fn read_name(&self, id: UserId) -> Result<Option<String>, Error> {
        todo!("the name of an account")
    }
}
