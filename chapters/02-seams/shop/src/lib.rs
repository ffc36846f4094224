//! The shop as one process, put together from its contexts: `users`, `products` and `orders`, each a crate.
//!
//! A context is its crate's root: what it owns, what it lets others call, and what it takes from them. Inside are `domain`
//! with its rules, `store` with its SQL, `app` with its use cases, `http` with its routes. `chassis` is what all of
//! them stand on. Here is only what connects them.

pub mod config;
pub mod app;
pub mod docs;

pub use app::App;
pub use chassis::{Db, idempotency, web};
pub use config::Config;
