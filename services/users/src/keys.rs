//! The keys that sign tokens. A key is published before it signs, and as long as a token that it signed is valid, so
//! that a verifier with a cached key set always has the key that it needs.

use std::time::Duration;

use anyhow::Context;
use chassis::{db, error::error_chain};
use contracts::token::JWKS_CACHE_TTL;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use uuid::Uuid;

use super::{App, store};

/// A key that signs tokens from `signs_from` on, until its successor does.
pub struct Key {
    pub id: Uuid,
    pub seed: [u8; 32],
    pub created_at: Timestamp,
    pub signs_from: Timestamp,
}

impl Key {
    fn new(now: Timestamp, signs_from: Timestamp) -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("cannot get random bytes from the operating system")?;
        Ok(Self { id: Uuid::now_v7(), seed, created_at: now, signs_from })
    }

    /// The private key, which signs.
    pub fn private(&self) -> EncodingKey {
        // The prefix of the seed in every Ed25519 key in PKCS #8, version 1 (RFC 8410).
        const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
        EncodingKey::from_ed_der(&[PKCS8, &self.seed].concat())
    }

    /// The public key, which only verifies.
    fn public(&self) -> anyhow::Result<Jwk> {
        let mut jwk = Jwk::from_encoding_key(&self.private(), Algorithm::EdDSA)?;
        jwk.common.key_id = Some(self.id.to_string());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    }
}

/// The key that signs now. `keys` are in the order of `signs_from`. If the clock was set back to a time before the first
/// one, the oldest key signs, because verifiers have had it for the longest time.
pub fn signer(keys: &[Key], now: Timestamp) -> Option<&Key> {
    keys.iter().rev().find(|key| key.signs_from <= now).or(keys.first())
}

/// When the next key starts to sign, if one is due: the first key at once, a successor after one cache lifetime, when
/// every verifier has fetched it.
fn next_signs_from(keys: &[Key], now: Timestamp, key_ttl: SignedDuration) -> Option<Timestamp> {
    match keys.last() {
        None => Some(now),
        Some(newest) => (newest.created_at + key_ttl <= now).then(|| now + JWKS_CACHE_TTL),
    }
}

/// The keys whose tokens have all expired: their successor has been signing for one token lifetime.
fn expired_keys(keys: &[Key], now: Timestamp, token_ttl: SignedDuration) -> impl Iterator<Item = &Key> {
    let successors = keys.iter().skip(1);
    keys.iter()
        .zip(successors)
        .filter(move |(_, next)| next.signs_from + token_ttl <= now)
        .map(|(key, _)| key)
}

impl App {
    /// The public keys, as a JWK set.
    pub async fn public_keys(&self) -> anyhow::Result<JwkSet> {
        let keys = store::signing_keys(&mut *self.db.read().await?).await?;
        Ok(JwkSet { keys: keys.iter().map(Key::public).collect::<Result<_, _>>()? })
    }

    /// Creates a new key if one is due, and deletes those whose tokens have expired. Several instances may call this at
    /// the same time: the transaction lets one of them create the key.
    pub async fn rotate_keys(&self, now: Timestamp) -> anyhow::Result<()> {
        let mut tx = self.db.write().await?;
        let keys = store::signing_keys(&mut tx).await?;
        for key in expired_keys(&keys, now, self.token_ttl) {
            store::delete_signing_key(&mut tx, key.id).await?;
        }
        if let Some(signs_from) = next_signs_from(&keys, now, self.key_ttl) {
            let key = Key::new(now, signs_from)?;
            store::insert_signing_key(&mut tx, &key).await?;
            tracing::info!(key = %key.id, %signs_from, "signing key created");
        }
        Ok(tx.commit().await?)
    }

    /// Rotates the keys every hour, for ever.
    pub async fn keep_rotating(self) {
        let mut hours = tokio::time::interval(Duration::from_hours(1));
        loop {
            hours.tick().await;
            if let Err(error) = self.rotate_keys(db::now()).await {
                tracing::error!(
                    error = error_chain(&*error),
                    "rotating the keys failed, retrying in an hour"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TTL: SignedDuration = SignedDuration::from_hours(720);
    const TOKEN_TTL: SignedDuration = SignedDuration::from_mins(15);
    const LEAD: SignedDuration = SignedDuration::from_mins(1);
    const MOMENT: SignedDuration = SignedDuration::from_micros(1);

    fn start() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    /// The first key, and the successor that was created when it was due.
    fn two_keys() -> [Key; 2] {
        let due = start() + KEY_TTL;
        [Key::new(start(), start()).unwrap(), Key::new(due, due + LEAD).unwrap()]
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(next_signs_from(&[], start(), KEY_TTL), Some(start()));
    }

    #[test]
    fn an_old_key_gets_one_successor_that_signs_a_cache_lifetime_later() {
        let [first, second] = two_keys();
        let due = start() + KEY_TTL;
        let one = std::slice::from_ref(&first);
        assert_eq!(next_signs_from(one, due - MOMENT, KEY_TTL), None);
        assert_eq!(next_signs_from(one, due, KEY_TTL), Some(due + LEAD));
        assert_eq!(next_signs_from(&[first, second], due, KEY_TTL), None);
    }

    #[test]
    fn the_old_key_signs_until_the_new_one_does() {
        let keys = two_keys();
        let handover = keys[1].signs_from;
        assert_eq!(signer(&keys, handover - MOMENT).unwrap().id, keys[0].id);
        assert_eq!(signer(&keys, handover).unwrap().id, keys[1].id);
    }

    #[test]
    fn the_oldest_key_signs_if_the_clock_was_set_back_before_every_key() {
        let keys = two_keys();
        assert_eq!(signer(&keys, start() - MOMENT).unwrap().id, keys[0].id);
        assert_eq!(signer(&keys, start() - KEY_TTL).unwrap().id, keys[0].id);
        assert!(signer(&[], start()).is_none());
    }

    #[test]
    fn a_key_is_published_until_the_last_token_it_signed_has_expired() {
        let keys = two_keys();
        let over = keys[1].signs_from + TOKEN_TTL;
        assert_eq!(expired_keys(&keys, over - MOMENT, TOKEN_TTL).count(), 0);
        let expired: Vec<_> = expired_keys(&keys, over, TOKEN_TTL).map(|key| key.id).collect();
        assert_eq!(expired, [keys[0].id], "the newest key never expires");
    }
}
