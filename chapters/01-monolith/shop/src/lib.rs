//! The shop as one process: users, products and orders over one database.
//!
//! Read the modules in this order. A context (`users`, `products`, `orders`) is a folder. Inside,
//! `domain` contains its rules, `store` its SQL, `app` its use cases, `http` its routes. A use case is one method of
//! [`App`]. If it writes, it writes in one transaction.

pub mod config;
pub mod app;
pub mod users;
pub mod products;
pub mod orders;
pub mod idempotency;
pub mod caller;
pub mod money;
pub mod text;
pub mod web;
pub mod server;
pub mod lifecycle;
pub mod error;
pub mod db;
pub mod docs;

pub use app::App;
pub use config::Config;
pub use db::Db;
pub use error::Error;
