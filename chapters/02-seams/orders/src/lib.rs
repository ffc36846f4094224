//! Orders, from placed to delivered, and their payment.
//!
//! Owns the tables `orders`, `payment_attempts` and `refunds`. Moves stock and money only together with the order's
//! status, in one transaction.

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

use chassis::{
    Db,
    caller::{Caller, UserId},
    db,
    error::error_chain,
    idempotency::{self, Intent, Keyed},
    money::Money,
    web,
};
use jiff::SignedDuration;
use products::{self, HeldLine, HolderId, ProductId, Quantity, Refused};

/// Orders, with all that their use cases need.
#[derive(Clone)]
pub struct App {
    db: Db,
    users: users::App,
    provider: Provider,
    order_ttl: SignedDuration,
    payment_timeout: SignedDuration,
}

impl App {
    /// Opens the orders in a database. Stock is held for `order_ttl`; the provider has `payment_timeout` to answer.
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
