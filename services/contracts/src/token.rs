//! Access tokens: their claims, and where to get the keys that verify them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::caller::{Role, UserId};

/// The subject on which `users` serves the public keys that verify tokens: the reply is a JWK set (RFC 7517).
pub const JWKS_SUBJECT: &str = "users.jwks";

/// How often a verifier fetches the key set. `users` publishes a new key this long before the key signs its first token,
/// so that every verifier has it by then. While `users` is down, a verifier uses the keys that it has.
pub const JWKS_CACHE_TTL: Duration = Duration::from_mins(1);

/// The claims of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account.
    pub sub: UserId,
    /// What the account may do.
    pub role: Role,
    /// When the token expires, in seconds since 1970.
    pub exp: i64,
}
