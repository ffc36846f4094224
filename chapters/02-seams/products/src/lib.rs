//! Products and their stock.
//!
//! Owns the tables `products` and `holds`. Only this context changes stock, so that `received = available + held + sold`
//! is always true for every product.

mod domain;
mod store;
mod app;
mod http;

pub use domain::{HeldLine, HolderId, ProductId, Quantity, Refused};
pub use http::router;
/// Changes of stock, called by other contexts. They use the transaction of the caller, so that the stock and the order
/// change together or not at all. All other calls between contexts pass plain values only.
pub use store::{hold, release, sell, take_back};

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
    /// Migrates the tables.
    pub async fn open(db: Db) -> anyhow::Result<Self> {
        db.migrate(sqlx::migrate!()).await?;
        Ok(Self { db })
    }
}
