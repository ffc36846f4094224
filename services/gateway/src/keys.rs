//! Authentication: verifies the token of a request with the public keys of `users`.
//!
//! The keys are fetched periodically and cached in a file, so that tokens are verified while `users` is down, even by a
//! gateway that is started in the meantime.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use async_nats::Client;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use chassis::{
    bus::NATS_TIMEOUT,
    error::error_chain,
    web::{Problem, single_header},
};
use contracts::{
    call::Authentication,
    caller::Caller,
    token::{Claims, JWKS_CACHE_TTL, JWKS_SUBJECT},
};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Validation,
    errors::{Error, ErrorKind},
    jwk::JwkSet,
};
use tokio::{
    fs,
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use uuid::Uuid;

use super::forward::unavailable;

/// The minimum time between two fetches of the keys: a client can invent any number of key ids.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(5);

/// The minimum time between two fetches while there are no keys at all.
const INITIAL_FETCH_INTERVAL: Duration = Duration::from_millis(250);

/// Keys by their id.
type KeysById = HashMap<String, Arc<DecodingKey>>;

/// Verifies tokens with a cached key set.
pub struct KeyCache {
    nats: Client,
    file: PathBuf,
    cached: watch::Sender<Cached>,
    /// Notified when a token names an unknown key.
    fetch_requested: Notify,
    validation: Validation,
}

#[derive(Default)]
struct Cached {
    keys: KeysById,
    /// When the last fetch started, successful or not.
    fetched_at: Option<Instant>,
}

impl KeyCache {
    /// Reads the cached keys from the file, if it exists.
    pub async fn open(nats: &Client, file: PathBuf) -> Self {
        // Only this algorithm is accepted, whatever the header of a token says: a token with `alg: none` is never
        // valid.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "sub"]);
        // The default accepts a token for a minute after it expires, and for the whole second in which it expires.
        validation.leeway = 0;
        validation.reject_tokens_expiring_in_less_than = 1;

        let keys = match fs::read(&file).await {
            Ok(document) => parse(&document),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(KeysById::new()),
            Err(error) => Err(error.into()),
        };
        let keys = keys.unwrap_or_else(|error| {
            tracing::warn!(error = error_chain(&*error), file = %file.display(), "reading the cached keys failed, fetching them");
            KeysById::new()
        });
        let cached = watch::Sender::new(Cached { keys, fetched_at: None });
        Self { nats: nats.clone(), file, cached, fetch_requested: Notify::new(), validation }
    }

    /// Whether there is any key.
    pub fn has_keys(&self) -> bool {
        !self.cached.borrow().keys.is_empty()
    }

    /// The caller of a request, or the reason why there is none. 503 if there is a token but no key to verify it with.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Authentication, Problem> {
        let caller = match single_header(headers, header::AUTHORIZATION) {
            Err(_) => Err("the Authorization header occurs more than once"),
            Ok(None) => Err("the Authorization header is missing"),
            Ok(Some(header)) => match header.to_str().unwrap_or_default().split_once(' ') {
                Some(_) if !self.has_keys() => return Err(unavailable()),
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    self.verify(token.trim()).await
                }
                _ => Err("the Authorization header must be `Bearer`, a space and the token"),
            },
        };
        Ok(Authentication(caller.map_err(str::to_owned)))
    }

    async fn verify(&self, token: &str) -> Result<Caller, &'static str> {
        let reason = |error: &Error| match error.kind() {
            ErrorKind::ExpiredSignature => "the token has expired: log in again",
            _ => "the token is invalid",
        };
        let header = jsonwebtoken::decode_header(token).map_err(|error| reason(&error))?;
        let key = self.find(&header.kid.unwrap_or_default()).await.ok_or("the token is invalid")?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation)
            .map_err(|error| reason(&error))?
            .claims;
        Ok(Caller { id: claims.sub, role: claims.role })
    }

    /// Finds a key. If it is unknown, the keys are fetched, at most once per [`MIN_FETCH_INTERVAL`].
    async fn find(&self, id: &str) -> Option<Arc<DecodingKey>> {
        if let Some(key) = self.cached.borrow().keys.get(id) {
            return Some(Arc::clone(key));
        }
        let mut updates = self.cached.subscribe();
        let just_fetched =
            |cached: &Cached| cached.fetched_at.is_some_and(|at| at.elapsed() < MIN_FETCH_INTERVAL);
        if !just_fetched(&updates.borrow_and_update()) {
            self.fetch_requested.notify_one();
            let _either = timeout(NATS_TIMEOUT, updates.changed()).await;
        }
        self.cached.borrow().keys.get(id).cloned()
    }

    /// Fetches the keys periodically and on request, for ever. Cached keys stay in use until others arrive.
    pub async fn keep_fresh(&self) {
        let mut failing = false;
        loop {
            let fetched_at = Instant::now();
            let fetched = self.fetch().await;
            if let (Err(error), false) = (&fetched, failing) {
                tracing::warn!(error = error_chain(&**error), "fetching the public keys failed, retrying");
            }
            failing = fetched.is_err();
            let interval = match &fetched {
                Ok(_) => JWKS_CACHE_TTL,
                Err(_) if self.has_keys() => MIN_FETCH_INTERVAL,
                Err(_) => INITIAL_FETCH_INTERVAL,
            };
            self.cached.send_modify(|cached| {
                cached.fetched_at = Some(fetched_at);
                if let Ok(keys) = fetched {
                    cached.keys = keys;
                }
            });
            sleep_until(fetched_at + interval.min(MIN_FETCH_INTERVAL)).await;
            let _either = timeout_at(fetched_at + interval, self.fetch_requested.notified()).await;
        }
    }

    async fn fetch(&self) -> anyhow::Result<KeysById> {
        let reply = self.nats.request(JWKS_SUBJECT, Bytes::new()).await?;
        let keys = parse(&reply.payload)?;
        if let Err(error) = self.store(&reply.payload).await {
            tracing::warn!(error = error_chain(&error), file = %self.file.display(), "writing the cached keys failed");
        }
        Ok(keys)
    }

    /// Replaces the file atomically: several gateways share it, and none may read a half-written one.
    async fn store(&self, document: &[u8]) -> io::Result<()> {
        let new = self.file.with_extension(Uuid::now_v7().to_string());
        fs::write(&new, document).await?;
        fs::rename(&new, &self.file).await
    }
}

/// Parses a JWK set. Only Ed25519 keys with an id are valid, as `users` publishes them.
fn parse(document: &[u8]) -> anyhow::Result<KeysById> {
    let set: JwkSet = serde_json::from_slice(document).context("not a JWK set")?;
    ensure!(!set.keys.is_empty(), "the JWK set is empty");
    let keys = set.keys.iter().map(|jwk| {
        let id = jwk.common.key_id.clone().context("a key has no id")?;
        let key = DecodingKey::from_jwk(jwk).with_context(|| format!("the key {id} cannot be parsed"))?;
        let is_ed25519 = key.family() == AlgorithmFamily::Ed && key.try_get_as_bytes()?.len() == 32;
        ensure!(is_ed25519, "the key {id} is not an Ed25519 key");
        Ok((id, Arc::new(key)))
    });
    keys.collect()
}
