#![doc = include_str!("../README.md")]

pub mod config;
mod domain;
mod store;
mod app;
mod http;
mod bus;
mod password;
mod throttle;
mod keys;
mod token;
mod error;

pub use bus::{NAME, serve_jwks, subscribe_jwks};
pub use config::Config;
pub use error::{AccountError, Error};
pub use http::router;

use std::sync::Arc;

use chassis::{Db, db};
use jiff::SignedDuration;

/// The use cases of accounts, with everything they need.
#[derive(Clone)]
pub struct App {
    db: Db,
    hasher: password::Hasher,
    throttle: Arc<throttle::Throttle>,
    token_ttl: SignedDuration,
    key_ttl: SignedDuration,
}

impl App {
    /// Opens the database. Creates the first signing key, and the staff account if one is configured.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let db = Db::open(&config.database, sqlx::migrate!()).await?;
        let hasher = password::Hasher::new()?;
        let app = Self {
            db,
            hasher,
            throttle: Arc::default(),
            token_ttl: config.token_ttl,
            key_ttl: config.key_ttl,
        };
        app.rotate_keys(db::now()).await?;
        if let (Some(email), Some(password)) = (&config.staff_email, &config.staff_password) {
            app.ensure_staff(email, password).await?;
        }
        Ok(app)
    }

    /// The database, for the background tasks.
    pub fn db(&self) -> &Db {
        &self.db
    }
}
