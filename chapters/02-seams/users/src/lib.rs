//! Who may use the shop: accounts, passwords and the tokens that stand for them.
//!
//! Owns the tables `users` and `signing_keys`.

mod domain;
mod store;
mod app;
mod http;
mod password;
mod token;
mod error;

pub use error::{AccountError, Error};
pub use http::{authenticate, router};

use chassis::{
    Db,
    caller::{Caller, Role, UserId},
    db, web,
};
use jiff::SignedDuration;

/// Accounts, with all that their use cases need.
#[derive(Clone)]
pub struct App {
    db: Db,
    hasher: password::Hasher,
    tokens: token::Tokens,
}

impl App {
    /// Opens the accounts in a database. A token will be valid for `token_ttl`.
    pub async fn open(db: Db, token_ttl: SignedDuration) -> anyhow::Result<Self> {
        db.migrate(sqlx::migrate!()).await?;
        let secret = token::signing_key(&db).await?;
        Ok(Self { db, hasher: password::Hasher::new()?, tokens: token::Tokens::new(&secret, token_ttl) })
    }
}
