//! The `Idempotency-Key` header.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, request::Parts},
};

use super::single_header;

/// The key that a client sends with each attempt of one request: 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Accepts 1 to 64 visible ASCII characters.
    pub fn parse(key: &str) -> Result<Self, &'static str> {
        let valid = (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        valid.then(|| Self(key.to_owned())).ok_or("must be 1 to 64 visible ASCII characters")
    }

    /// The key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The header of a request, not validated; it may be missing, or occur more than once.
pub struct KeyHeader(Result<Option<HeaderValue>, &'static str>);

impl KeyHeader {
    /// The name of the header, for error messages.
    pub const NAME: &'static str = "Idempotency-Key";

    /// Parses the key.
    pub fn parse(&self) -> Result<IdempotencyKey, &'static str> {
        let header = self
            .0
            .clone()?
            .ok_or("is missing: send a new key with each new request, and the same key with each retry")?;
        IdempotencyKey::parse(header.to_str().unwrap_or_default())
    }
}

impl<S: Sync> FromRequestParts<S> for KeyHeader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = single_header(&parts.headers, HeaderName::from_static("idempotency-key"));
        Ok(Self(header.map(|value| value.cloned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_64_visible_ascii_characters() {
        assert!(IdempotencyKey::parse("a").is_ok());
        assert!(IdempotencyKey::parse(&"~".repeat(64)).is_ok());
        for bad in ["", "a b", "ключ", "tab\t", &"x".repeat(65)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
