//! A typed client of the shop's public API, and of nothing else: it fits every stage of the course.
//!
//! A [`Shop`] does what anybody may do; [`Shop::log_in`] gives a [`Caller`], which does the rest. Every call
//! answers a [`Reply`], the parsed body with the whole answer beside it, or an [`Error`] that keeps apart what
//! a caller must keep apart: no answer, a problem document, an answer that makes no sense.
//! Nothing is retried unless asked for ([`Shop::patient`]): whoever calls knows whether a repeat is safe.
//!
//! In reading order:
//! - [`model`]: the schemas of the contract
//! - [`Routes`]: which address answers for which path
//! - [`Request`], [`Answer`], [`Exchange`]: HTTP as bytes, for those who want to send nonsense
//! - [`Error`] and [`Reply`]: what a call comes to
//! - [`Shop`] and [`Caller`]: the calls

mod caller;
mod exchange;
pub mod model;
mod reply;
mod routes;
mod shop;

pub use caller::Caller;
pub use exchange::{Answer, Exchange, Request};
pub use reply::{Error, Reply, Result};
pub use reqwest::{Method, StatusCode, header};
pub use routes::{BadRoute, Routes};
pub use shop::Shop;

/// A fresh Idempotency-Key: one per intent, kept for every repeat of it.
pub fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}
