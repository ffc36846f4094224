//! What every context stands on and none owns: the database, the edge of HTTP, keys, money, and who calls.
//!
//! Knows no context. What only one of them needs is in that one.

pub mod db;
pub mod error;
pub mod caller;
pub mod money;
pub mod web;
pub mod idempotency;

pub use db::Db;
pub use error::Error;
