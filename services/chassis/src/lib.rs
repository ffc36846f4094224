#![doc = include_str!("../README.md")]

pub mod process;
pub mod lifecycle;
pub mod server;
pub mod db;
pub mod error;
pub mod text;
pub mod correlation;
pub mod web;
pub mod idempotency;
pub mod health;
pub mod bus;
pub mod requests;
pub mod outbox;
pub mod inbox;
pub mod retention;

pub use bus::Bus;
pub use db::Db;
pub use error::Error;
