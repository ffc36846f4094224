//! The microservice chassis: the code that all contexts share. It depends on no context, and code that only one context
//! needs belongs to that context.

pub mod db;
pub mod error;
pub mod caller;
pub mod money;
pub mod text;
pub mod web;
pub mod server;
pub mod lifecycle;
pub mod idempotency;

pub use db::Db;
pub use error::Error;
