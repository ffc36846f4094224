impl App {
    pub async fn log_in(&self, email: &str, password: Password) -> Result<Session, Error> {
        let account = {
            let mut conn = self.db.read().await?;
            store::find_user_by_email(&mut conn, &email_key(email)).await?
        };
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let known = self.hasher.verify(password, hash).await?;
        let account = account.ok_or(Error::NotFound)?;
        if !known {
            return Err(Error::WrongCredentials);
        }
        Ok(self.tokens.issue(&account.user, db::now())?)
    }
}
