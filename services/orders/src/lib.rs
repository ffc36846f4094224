#![doc = include_str!("../README.md")]

pub mod config;
mod status;
mod domain;
mod store;
mod app;
mod stock;
mod worker;
mod provider;
mod http;
mod bus;
mod error;

pub use bus::{NAME, consumer};
pub use config::Config;
pub use error::Error;
pub use http::router;
pub use worker::run_worker;

use chassis::Db;
use jiff::SignedDuration;
use provider::Provider;

/// The use cases of orders, with everything they need.
#[derive(Clone)]
pub struct App {
    db: Db,
    provider: Provider,
    order_ttl: SignedDuration,
    payment_timeout: SignedDuration,
    stock_timeout: SignedDuration,
}

impl App {
    /// Opens the database and creates the payment client.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            db: Db::open(&config.database, sqlx::migrate!()).await?,
            provider: Provider::new(&config.payments_url, config.payment_timeout.try_into()?)?,
            order_ttl: config.order_ttl,
            payment_timeout: config.payment_timeout,
            stock_timeout: config.stock_timeout,
        })
    }

    /// The database, for the background tasks.
    pub fn db(&self) -> &Db {
        &self.db
    }
}
