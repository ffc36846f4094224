//! Orders, from placement to delivery, and their payment.
//!
//! Owns the tables `orders`, `payment_attempts` and `refunds`. A change of stock or money and the change of the order's
//! status are always in one transaction.

mod status;
mod domain;
mod store;
mod app;
mod worker;
mod provider;
mod http;
mod error;

pub use error::Error;
pub use http::router;
pub use provider::Provider;
pub use worker::run_worker;

use chassis::Db;
use jiff::SignedDuration;

/// The use cases of orders, with everything they need.
#[derive(Clone)]
pub struct App {
    db: Db,
    users: users::App,
    provider: Provider,
    order_ttl: SignedDuration,
    payment_timeout: SignedDuration,
}

impl App {
    /// Migrates the tables. Unpaid orders expire after `order_ttl`; `payment_timeout` limits one request to the provider.
    pub async fn open(
        db: Db,
        users: users::App,
        payments_url: &str,
        payment_timeout: SignedDuration,
        order_ttl: SignedDuration,
    ) -> anyhow::Result<Self> {
        db.migrate(sqlx::migrate!()).await?;
        let provider = Provider::new(payments_url, payment_timeout.try_into()?)?;
        Ok(Self { db, users, provider, order_ttl, payment_timeout })
    }
}
