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

pub use domain::{OrderId, TransitionError};
pub use http::router;
pub use provider::Provider;
pub use worker::run_worker;

use crate::{
    App, Error,
    caller::{Caller, UserId},
    db,
    error::error_chain,
    idempotency::{self, Intent, Keyed},
    money::Money,
    products::{self, HeldLine, ProductId, Quantity, Refused},
    web,
};
