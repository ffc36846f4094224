impl App {
    /// Changes the caller's address, name, or both. A new name is published as an event; a new address is not, because no
    /// other service needs it.
    pub async fn change_profile(
        &self,
        caller: Caller,
        email: Option<Email>,
        name: Option<Name>,
    ) -> Result<User, Error> {
        let mut tx = self.db.write().await?;
        store::update_user(&mut tx, caller.id, email.as_ref(), name.as_ref()).await?;
        let account = store::find_user(&mut tx, caller.id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        if let Some(name) = name {
            let mut tx = self.db.write().await?;
            let renamed = Event::UserRenamed { name: name.as_str().to_owned() };
            outbox::put(&mut tx, &Envelope::new(caller.id.0, account.version, db::now(), renamed)).await?;
            tx.commit().await?;
        }
        Ok(account.user)
    }
}
