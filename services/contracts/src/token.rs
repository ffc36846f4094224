//! Tokens: what one says, and where the keys are that it is checked with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::caller::{Role, UserId};

/// Where `users` gives out the keys that tokens are checked with: the answer is a JWK set (RFC 7517).
pub const JWKS: &str = "users.jwks";

/// How long who checks tokens goes on with the keys it has. So long before it signs anything, a new key is given out.
pub const KEYS_CACHED_FOR: Duration = Duration::from_mins(1);

/// What a token says of its bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who it is.
    pub sub: UserId,
    /// What the account may do.
    pub role: Role,
    /// From when on it says nothing any more, in seconds since 1970.
    pub exp: i64,
}
