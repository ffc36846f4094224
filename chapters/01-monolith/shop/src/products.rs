//! What the shop sells and how much of it there is.
//!
//! Owns the tables `products` and `holds`. Stock is changed here and nowhere else, so that at every moment and for
//! every product `received = available + held + sold`.

mod domain;
mod store;
mod app;
mod http;

pub use domain::{HeldLine, ProductId, Quantity, Refused};
pub use http::router;
pub use store::{hold, release, sell, take_back};

use crate::{
    App, Error,
    caller::Caller,
    db,
    idempotency::{self, Intent, Keyed},
    money::Money,
    orders::OrderId,
    web,
};
