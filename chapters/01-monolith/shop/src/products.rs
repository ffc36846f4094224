//! Products and their stock.
//!
//! Owns the tables `products` and `holds`. Only this context changes stock, so that `received = available + held + sold`
//! is always true for every product.

mod domain;
mod store;
mod app;
mod http;

pub use domain::{HeldLine, ProductId, Quantity, Refused};
pub use http::router;
pub use store::{hold, release, sell, take_back};

// Shared by all contexts, and named like siblings inside each.
use crate::{App, Error};
