//! Bearer tokens (JSON Web Tokens). They are signed, so that other services can verify them without a request.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header};

use super::{
    domain::{Session, User},
    keys::{self, Key},
};
use contracts::token::Claims;

/// Issues a token for this account, signed with the current key.
pub fn issue(keys: &[Key], user: &User, now: Timestamp, ttl: SignedDuration) -> anyhow::Result<Session> {
    let key = keys::signer(keys, now).context("no signing key is valid now")?;
    let header = Header { kid: Some(key.id.to_string()), ..Header::new(Algorithm::EdDSA) };
    let exp = (now + ttl).as_second();
    let claims = Claims { sub: user.id, role: user.role, exp };
    Ok(Session {
        token: jsonwebtoken::encode(&header, &claims, &key.private())?,
        token_type: "Bearer",
        expires_at: Timestamp::from_second(exp)?,
    })
}
