//! What the shop sells and how much of it there is.
//!
//! Owns the tables `products` and `holds`. Stock is changed here and nowhere else, so that at every moment and for
//! every product `received = available + held + sold`.

mod domain;
mod store;
mod app;
mod http;

pub use domain::{HeldLine, HolderId, ProductId, Quantity, Refused};
pub use http::router;
/// Changes of stock, for whoever holds it. They take the caller's transaction: stock and what it is held for change
/// together or not at all. That is the one thing that crosses this seam and is not a plain value.
pub use store::{hold, release, sell, take_back};

use std::convert::Infallible;

use chassis::{
    Db,
    caller::Caller,
    db,
    idempotency::{self, Intent, Keyed},
    money::Money,
    web,
};

/// Why something was not done with a product. Nothing goes wrong here that does not go wrong elsewhere.
type Error = chassis::Error<Infallible>;

/// Products, with all that their use cases need.
#[derive(Clone)]
pub struct App {
    db: Db,
}

impl App {
    /// Opens the products in a database.
    pub async fn open(db: Db) -> anyhow::Result<Self> {
        db.migrate(sqlx::migrate!()).await?;
        Ok(Self { db })
    }
}
