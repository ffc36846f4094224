impl App {
    /// Changes the caller's password. Tokens issued before stay valid until they expire. A wrong current password counts as a
    /// guess of the client, because a token may be stolen.
    pub async fn change_password(
        &self,
        caller: Caller,
        client: IpAddr,
        current: Password,
        new: Password,
    ) -> Result<(), Error> {
        let account = {
            let mut conn = self.db.read().await?;
            store::find_user(&mut conn, caller.id).await?.ok_or(Error::NotFound)?
        };
        let verified = self.hasher.verify(current, Some(account.password_hash));
        let checked = async { if verified.await? { Ok(()) } else { Err(Error::WrongPassword) } };
        self.throttle.guess(caller.id.0.to_string(), client, checked).await?;
        let hash = self.hasher.hash(new).await?;
        let mut tx = self.db.write().await?;
        store::update_password(&mut tx, caller.id, &hash).await?;
        tx.commit().await?;
        tracing::info!(user = %caller.id.0, "password changed");
        Ok(())
    }
}
