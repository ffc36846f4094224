impl App {
    /// Changes the caller's password. Tokens issued before stay valid until they expire.
    pub async fn change_password(
        &self,
        caller: Caller,
        current: Password,
        new: Password,
    ) -> Result<(), Error> {
        let account = {
            let mut conn = self.db.read().await?;
            store::find_user(&mut conn, caller.id).await?.ok_or(Error::NotFound)?
        };
        if !self.hasher.verify(current, Some(account.password_hash)).await? {
            return Err(Error::WrongPassword);
        }
        let hash = self.hasher.hash(new).await?;
        let mut tx = self.db.write().await?;
        store::update_password(&mut tx, caller.id, &hash).await?;
        tx.commit().await?;
        tracing::info!(user = %caller.id.0, "password changed");
        Ok(())
    }
}
