//! The payment provider of a running stage: a third party of its own, spoken to over HTTP.
//!
//! It keeps two promises that a shop builds on: one `Idempotency-Key` gives one charge, whoever asks, how often and how
//! concurrently; and what it has answered it remembers, also after its own `kill -9`. Everything else about it is as
//! unpleasant as a test wishes: [`source`] says what each card does, [`control`] makes all of it slow, unreliable or away.
//!
//! In reading order:
//! - [`source`]: what becomes of a charge, and when its caller hears of it
//! - [`ledger`]: charges and refunds, each once a key; its SQL is in `store`
//! - [`control`]: what the lab does to all of it
//! - [`http`]: the API

pub mod source;
pub mod ledger;
mod store;
pub mod control;
pub mod http;

pub use http::serve;
pub use ledger::Ledger;
