//! Accounts, passwords and bearer tokens.
//!
//! Owns the tables `users` and `signing_keys`.

mod domain;
mod store;
mod app;
mod http;
mod password;
mod throttle;
mod token;
mod error;

pub use error::{AccountError, Error};
pub use http::{authenticate, router};

use std::sync::Arc;

use chassis::Db;
use jiff::SignedDuration;

/// The use cases of accounts, with everything they need.
#[derive(Clone)]
pub struct App {
    db: Db,
    hasher: password::Hasher,
    throttle: Arc<throttle::Throttle>,
    tokens: token::Tokens,
}

impl App {
    /// Migrates the tables and reads the signing key. Tokens are valid for `token_ttl`.
    pub async fn open(db: Db, token_ttl: SignedDuration) -> anyhow::Result<Self> {
        db.migrate(sqlx::migrate!()).await?;
        let secret = token::signing_key(&db).await?;
        Ok(Self {
            db,
            hasher: password::Hasher::new()?,
            throttle: Arc::default(),
            tokens: token::Tokens::new(&secret, token_ttl),
        })
    }
}
