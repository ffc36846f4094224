impl App {
    async fn add_user(
        &self,
        email: Email,
        name: &str,
        password: Password,
        role: Role,
    ) -> Result<User, Error> {
        // Hash before the transaction starts, because hashing is slow and would block the writer.
        let hash = self.hasher.hash(password).await?;
        let id = UserId(Uuid::now_v7());
        let user =
            User { id, email: email.as_str().to_owned(), name: name.to_owned(), role, created_at: db::now() };
        let mut tx = self.db.write().await?;
        store::insert_user(&mut tx, &user, &email, &hash).await?;
        tx.commit().await?;
        let mut tx = self.db.write().await?;
        let registered = Event::UserRegistered { name: name.to_owned() };
        outbox::put(&mut tx, &Envelope::new(id.0, 1, user.created_at, registered)).await?;
        tx.commit().await?;
        Ok(user)
    }
}
