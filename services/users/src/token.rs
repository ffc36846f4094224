//! Tokens: who the bearer is, signed, so that checking one asks nobody.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header};

use super::{
    domain::{Session, User},
    keys::{self, Key},
};
use contracts::token::Claims;

/// A token for this account, signed with the key whose turn it is.
pub fn issue(keys: &[Key], user: &User, now: Timestamp, ttl: SignedDuration) -> anyhow::Result<Session> {
    let key = keys::signer(keys, now).context("there is no key to sign with")?;
    let header = Header { kid: Some(key.id.to_string()), ..Header::new(Algorithm::EdDSA) };
    let exp = (now + ttl).as_second();
    let claims = Claims { sub: user.id, role: user.role, exp };
    Ok(Session {
        token: jsonwebtoken::encode(&header, &claims, &key.private())?,
        token_type: "Bearer",
        expires_at: Timestamp::from_second(exp)?,
    })
}
