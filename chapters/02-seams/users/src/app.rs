//! What can be done with accounts.

use anyhow::anyhow;
use uuid::Uuid;

use super::{
    AccountError, App, Caller, Error, Role, UserId, db,
    domain::{Email, Name, Password, Session, User, email_key},
    store,
};

impl App {
    /// Opens an account for a customer.
    pub async fn register_user(&self, email: Email, name: Name, password: Password) -> Result<User, Error> {
        let user = self.add_user(email, name.as_str(), password, Role::Customer).await?;
        tracing::info!(user = %user.id.0, "registered a user");
        Ok(user)
    }

    /// Opens the first staff account, where its address is not taken yet.
    pub async fn ensure_staff(&self, email: &str, password: &str) -> anyhow::Result<()> {
        let email = Email::parse(email.to_owned())
            .map_err(|why| anyhow!("the staff's e-mail address {email:?} {why}"))?;
        let password = Password::from(password.to_owned())
            .parse()
            .map_err(|why| anyhow!("the staff's password {why}"))?;
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
        // Before the transaction: hashing takes longer than everything else here together.
        let hash = self.hasher.hash(password).await?;
        let id = UserId(Uuid::now_v7());
        let user =
            User { id, email: email.as_str().to_owned(), name: name.to_owned(), role, created_at: db::now() };
        let mut tx = self.db.write().await?;
        store::insert_user(&mut tx, &user, &email, &hash).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives a token to who knows the password. Whether it is the address or the password that is wrong, neither the
    /// answer tells nor its time.
    pub async fn log_in(&self, email: &str, password: Password) -> Result<Session, Error> {
        let account = {
            let mut conn = self.db.read().await?;
            store::find_user_by_email(&mut conn, &email_key(email)).await?
        };
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let known = self.hasher.verify(password, hash).await?;
        let account = account.filter(|_| known).ok_or(AccountError::WrongCredentials)?;
        Ok(self.tokens.issue(&account.user, db::now())?)
    }

    /// What somebody wants to be called now.
    pub async fn read_name(&self, id: UserId) -> Result<Option<String>, Error> {
        let mut conn = self.db.read().await?;
        Ok(store::find_user(&mut conn, id).await?.map(|account| account.user.name))
    }

    /// The caller's own account.
    pub async fn read_profile(&self, caller: Caller) -> Result<User, Error> {
        let mut conn = self.db.read().await?;
        let account = store::find_user(&mut conn, caller.id).await?.ok_or(Error::NotFound)?;
        Ok(account.user)
    }

    /// Changes the caller's address or name or both.
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
        Ok(account.user)
    }

    /// Changes the caller's password. Tokens given out before stay valid until they expire.
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
        if !self.hasher.verify(current, Some(account.password_hash.clone())).await? {
            return Err(AccountError::WrongPassword.into());
        }
        let hash = self.hasher.hash(new).await?;
        let mut tx = self.db.write().await?;
        // Somebody else may have changed it while this was hashing: then `current` is no longer the current one.
        if !store::update_password(&mut tx, caller.id, &account.password_hash, &hash).await? {
            return Err(AccountError::WrongPassword.into());
        }
        tx.commit().await?;
        tracing::info!(user = %caller.id.0, "changed a password");
        Ok(())
    }
}
