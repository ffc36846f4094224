impl App {
    /// Gives a token to who knows the password. Whether it is the address or the password that is wrong, neither the
    /// answer tells nor its time.
    pub async fn log_in(&self, email: &str, password: Password) -> Result<Session, Error> {
        todo!("a token, for who knows the password")
    }
}
