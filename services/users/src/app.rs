//! The use cases of accounts.

use std::net::IpAddr;

use anyhow::anyhow;
use uuid::Uuid;

use super::{
    AccountError, App, Error,
    domain::{Email, Name, Password, Session, User, email_key},
    store, token,
};
use chassis::{db, outbox};
use contracts::{
    Envelope, Event,
    caller::{Caller, Role, UserId},
};

impl App {
    /// Creates the account of a customer.
    pub async fn register_user(&self, email: Email, name: Name, password: Password) -> Result<User, Error> {
        let user = self.add_user(email, name.as_str(), password, Role::Customer).await?;
        tracing::info!(user = %user.id.0, "user registered");
        Ok(user)
    }

    /// Creates the first staff account, if its address is not registered yet.
    pub async fn ensure_staff(&self, email: &str, password: &str) -> anyhow::Result<()> {
        let email = Email::parse(email)
            .map_err(|reason| anyhow!("invalid setting --staff-email {email:?}: it {reason}"))?;
        let password = Password::from(password.to_owned())
            .parse()
            .map_err(|reason| anyhow!("invalid setting --staff-password: it {reason}"))?;
        match self.add_user(email, "Staff", password, Role::Staff).await {
            Ok(_) | Err(Error::Domain(AccountError::EmailTaken)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

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
        let registered = Event::UserRegistered { name: name.to_owned() };
        outbox::put(&mut tx, &Envelope::new(id.0, 1, user.created_at, registered)).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Checks the password and issues a token. Neither the error nor the response time shows whether the address or the
    /// password was wrong.
    pub async fn log_in(&self, email: &str, password: Password) -> Result<Session, Error> {
        let (account, keys) = {
            let mut conn = self.db.read().await?;
            let account = store::find_user_by_email(&mut conn, &email_key(email)).await?;
            (account, store::signing_keys(&mut conn).await?)
        };
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let known = self.hasher.verify(password, hash).await?;
        let account = account.filter(|_| known).ok_or(AccountError::WrongCredentials)?;
        Ok(token::issue(&keys, &account.user, db::now(), self.token_ttl)?)
    }

    /// Reads the caller's account.
    pub async fn read_profile(&self, caller: Caller) -> Result<User, Error> {
        let mut conn = self.db.read().await?;
        let account = store::find_user(&mut conn, caller.id).await?.ok_or(Error::NotFound)?;
        Ok(account.user)
    }

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
        if let Some(name) = name {
            let renamed = Event::UserRenamed { name: name.as_str().to_owned() };
            outbox::put(&mut tx, &Envelope::new(caller.id.0, account.version, db::now(), renamed)).await?;
        }
        tx.commit().await?;
        Ok(account.user)
    }

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
        let verified = self.hasher.verify(current, Some(account.password_hash.clone()));
        let checked =
            async { if verified.await? { Ok(()) } else { Err(AccountError::WrongPassword.into()) } };
        self.throttle.guess(caller.id.0.to_string(), client, checked).await?;
        let hash = self.hasher.hash(new).await?;
        let mut tx = self.db.write().await?;
        // Another request may have changed the password during the hashing. Then `current` is not the current one any more.
        if !store::update_password(&mut tx, caller.id, &account.password_hash, &hash).await? {
            return Err(AccountError::WrongPassword.into());
        }
        tx.commit().await?;
        tracing::info!(user = %caller.id.0, "password changed");
        Ok(())
    }
}
