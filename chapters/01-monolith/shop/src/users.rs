//! Accounts, passwords and bearer tokens.
//!
//! Owns the tables `users` and `signing_keys`.

mod domain;
mod store;
mod app;
mod http;
mod password;
mod throttle;
mod token;

pub use http::{authenticate, router};
pub use password::Hasher;
pub use throttle::Throttle;
pub use token::{Tokens, signing_key};

// Shared by all contexts, and named like siblings inside each.
use crate::{App, Error};
