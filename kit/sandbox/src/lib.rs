//! The payment provider of a running stage: an external service with an HTTP API.
//!
//! It makes two promises that a shop relies on. One `Idempotency-Key` gives one charge, however many requests arrive,
//! even concurrently. And every charge that it has confirmed is on disk, so it survives `kill -9`. In every other respect
//! a test can make it misbehave: the name of a [`source`] selects the behaviour of a single charge, and [`control`] makes
//! the whole provider slow, unreliable or unavailable.
//!
//! In reading order:
//! - [`source`]: the outcome of a charge, and the delay of its response
//! - [`ledger`]: charges and refunds, one per key; the SQL is in `store`
//! - [`control`]: the settings with which the lab makes the provider misbehave
//! - [`http`]: the HTTP API

pub mod source;
pub mod ledger;
mod store;
pub mod control;
pub mod http;

pub use http::serve;
pub use ledger::Ledger;
