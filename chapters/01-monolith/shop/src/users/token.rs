//! Bearer tokens (JSON Web Tokens). They contain the caller and are signed, so that verifying one needs no database query.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{
    domain::{Session, User},
    store,
};
use crate::{
    Db,
    caller::{Caller, Role, UserId},
    db,
};

/// Signs and verifies tokens with one secret, because both happen in this process.
#[derive(Clone)]
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: SignedDuration,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    role: Role,
    /// Expiry, in seconds since 1970-01-01 UTC.
    exp: i64,
}

/// Reads the secret that signs tokens, or creates and stores one.
pub async fn signing_key(db: &Db) -> anyhow::Result<Vec<u8>> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh).context("the operating system returned no random bytes")?;
    let mut tx = db.write().await?;
    let secret = store::signing_key(&mut tx, fresh, db::now()).await?;
    tx.commit().await?;
    Ok(secret)
}

impl Tokens {
    /// Uses this secret. Tokens are valid for `ttl`.
    pub fn new(secret: &[u8], ttl: SignedDuration) -> Self {
        // Accept one algorithm only, whatever the header of the token says. Otherwise a token with `none` would need no
        // signature.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        // The defaults would accept a token for a minute after its expiry, and in the second of its expiry.
        validation.leeway = 0;
        validation.reject_tokens_expiring_in_less_than = 1;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            ttl,
        }
    }

    /// Issues a token for this account.
    pub fn issue(&self, user: &User, now: Timestamp) -> anyhow::Result<Session> {
        let exp = (now + self.ttl).as_second();
        let claims = Claims { sub: user.id, role: user.role, exp };
        Ok(Session {
            token: jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?,
            token_type: "Bearer",
            expires_at: Timestamp::from_second(exp)?,
        })
    }

    /// Returns the caller that the token was issued to, or why the token is invalid.
    pub fn verify(&self, token: &str) -> Result<Caller, &'static str> {
        use jsonwebtoken::errors::ErrorKind;
        match jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation) {
            Ok(data) => Ok(Caller { id: data.claims.sub, role: data.claims.role }),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                Err("the token has expired: log in again")
            }
            Err(_) => Err("the token is invalid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn user(role: Role) -> User {
        let id = UserId(Uuid::now_v7());
        User { id, email: "ada@example.com".into(), name: "Ada".into(), role, created_at: Timestamp::now() }
    }

    fn tokens(ttl: SignedDuration) -> Tokens {
        Tokens::new(&[7; 32], ttl)
    }

    #[test]
    fn a_token_contains_the_caller_and_the_role() {
        let staff = user(Role::Staff);
        let tokens = tokens(SignedDuration::from_mins(15));
        let session = tokens.issue(&staff, Timestamp::now()).unwrap();
        let caller = tokens.verify(&session.token).unwrap();
        assert_eq!((caller.id, caller.role), (staff.id, Role::Staff));
    }

    #[test]
    fn a_token_is_rejected_from_the_second_it_expires() {
        let tokens = tokens(SignedDuration::from_mins(15));
        let issued = Timestamp::now() - SignedDuration::from_mins(15);
        let session = tokens.issue(&user(Role::Customer), issued).unwrap();
        assert_eq!(tokens.verify(&session.token).unwrap_err(), "the token has expired: log in again");
    }

    #[test]
    fn a_token_with_another_secret_or_without_a_signature_is_rejected() {
        let ours = tokens(SignedDuration::from_mins(15));
        let forged = Tokens::new(&[8; 32], SignedDuration::from_mins(15));
        let session = forged.issue(&user(Role::Staff), Timestamp::now()).unwrap();
        assert!(ours.verify(&session.token).is_err());

        let genuine = ours.issue(&user(Role::Staff), Timestamp::now()).unwrap().token;
        let claims = genuine.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        assert!(ours.verify(&format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.")).is_err());
        assert!(ours.verify("").is_err());
    }
}
