//! A typed client of the shop's public API. It works with every stage of the course.
//!
//! [`Shop`] has the operations that need no token. [`Shop::log_in`] returns a [`Caller`], which has the operations of
//! a user who is logged in. Every call returns a [`Reply`], which is the parsed body together with the raw response, or
//! an [`Error`]. The error distinguishes three cases: no response arrived, the shop returned a problem document, or
//! the response matches neither the contract nor a problem document.
//!
//! The client does not retry by default, because it does not know whether a retry is safe. [`Shop::with_retries`]
//! turns on retries after responses which promise that nothing was done.
//!
//! The client never uses an HTTP proxy, whatever `HTTP_PROXY` says: a stage listens on the loopback interface.
//!
//! In reading order:
//! - [`model`]: the schemas of the contract
//! - [`Routes`]: which base URL serves which path
//! - [`Request`], [`Response`], [`RoundTrip`]: raw HTTP, for tests that send invalid requests
//! - [`Error`] and [`Reply`]: the result of a call
//! - [`Shop`] and [`Caller`]: the operations

mod caller;
mod http;
pub mod model;
mod reply;
mod routes;
mod shop;

pub use caller::Caller;
pub use http::{Request, Response, RoundTrip};
pub use reply::{Error, Reply, Result};
pub use reqwest::{Method, StatusCode, header};
pub use routes::{InvalidRoute, Routes};
pub use shop::Shop;

/// Creates an `Idempotency-Key`. Use one key per intent, and the same key for every retry of it.
pub fn new_key() -> String {
    uuid::Uuid::now_v7().to_string()
}
