//! Who may use the shop: accounts, passwords and the tokens that stand for them.
//!
//! Owns the tables `users` and `signing_keys`.

mod domain;
mod store;
mod app;
mod http;
mod password;
mod token;

pub use http::{authenticate, router};
pub use password::Hasher;
pub use token::{Tokens, signing_key};

use crate::{
    App, Db, Error,
    caller::{Caller, Role, UserId},
    db, web,
};
