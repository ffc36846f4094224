impl App {
    /// Checks the password and issues a token. Neither the error nor the response time shows whether the address or the
    /// password was wrong.
    pub async fn log_in(&self, email: &str, password: Password) -> Result<Session, Error> {
        todo!("check the password and issue a token")
    }
}
