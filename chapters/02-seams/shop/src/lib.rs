//! The shop as one process. It consists of the contexts `users`, `products` and `orders`, and each of them is a crate.
//!
//! The root of a context's crate says which tables it owns and what others may call. Inside, `domain` contains its rules,
//! `store` its SQL, `app` its use cases, `http` its routes. `chassis` contains the code that all contexts share. This
//! crate only connects them.

pub mod config;
pub mod app;
pub mod docs;

pub use app::App;
pub use chassis::{Db, idempotency, lifecycle, server, web};
pub use config::Config;
