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

pub use domain::{OrderId, TransitionError};
pub use http::router;
pub use provider::Provider;
pub use worker::run_worker;

// Shared by all contexts, and named like siblings inside each.
use crate::{App, Error};
