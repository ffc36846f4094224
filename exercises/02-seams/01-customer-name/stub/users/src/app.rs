impl App {
    /// What somebody wants to be called now. None: there is no such account.
    pub async fn read_name(&self, id: UserId) -> Result<Option<String>, Error> {
        todo!("what somebody is called")
    }
}
