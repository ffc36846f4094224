#![doc = include_str!("../README.md")]

pub mod config;
mod domain;
mod store;
mod app;
mod http;
mod bus;

pub use bus::{NAME, consumer};
pub use config::Config;
pub use http::router;

use std::convert::Infallible;

use chassis::Db;

/// Why a use case of products failed. Products have no errors of their own.
type Error = chassis::Error<Infallible>;

/// The use cases of products, with everything they need.
#[derive(Clone)]
pub struct App {
    db: Db,
}

impl App {
    /// Opens the database.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { db: Db::open(&config.database, sqlx::migrate!()).await? })
    }

    /// The database, for the background tasks.
    pub fn db(&self) -> &Db {
        &self.db
    }
}
