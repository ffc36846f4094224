//! Orders, from placed to delivered, and their payment.
//!
//! Owns the tables `orders`, `payment_attempts` and `refunds`. Moves stock and money only together with the order's
//! status, in one transaction.

mod status;
mod domain;
mod store;
mod app;
mod settle;
mod provider;
mod http;

pub use domain::{NotPossible, OrderId};
pub use http::router;
pub use provider::Provider;
pub use settle::keep_settling;

use crate::{
    App, Error,
    caller::{Caller, UserId},
    db,
    error::causes,
    idempotency::{self, Intent, Keyed},
    money::Money,
    products::{self, HeldLine, ProductId, Quantity, Refused},
    web,
};
