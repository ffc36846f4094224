//! Who calls, by the token of the request, and the keys that tokens are checked with.
//!
//! The keys come from `users`, every now and then, and are kept in a file: who has logged in stays known while `users` is
//! away, also to a gateway that is started meanwhile.

use std::{collections::HashMap, io, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use async_nats::Client;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
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

use super::{
    Authentication, Caller, Claims, JWKS, KEYS_CACHED_FOR, NATS_PATIENCE, Problem, error_chain,
    forward::unavailable,
};

/// How long there is between two questions for keys, whatever tokens come: anybody can make up the id of a key.
const LEAST_PAUSE: Duration = Duration::from_secs(5);

/// The same while there are no keys at all.
const IMPATIENT_PAUSE: Duration = Duration::from_millis(250);

/// The keys, by their ids.
type ById = HashMap<String, Arc<DecodingKey>>;

/// Checks tokens.
pub struct Keys {
    nats: Client,
    file: PathBuf,
    known: watch::Sender<Known>,
    /// A token names a key that is not known.
    wanted: Notify,
    validation: Validation,
}

/// What is known of the keys.
#[derive(Default)]
struct Known {
    keys: ById,
    /// When `users` was last asked for them, and has answered or not.
    asked_at: Option<Instant>,
}

impl Keys {
    /// Reads the keys that the file has, if it has any.
    pub async fn open(nats: &Client, file: PathBuf) -> Self {
        // One algorithm, whatever the token says of itself: one that says `none` is not asked.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "sub"]);
        // The default accepts a token for a minute after its end, and for the whole second in which it ends.
        validation.leeway = 0;
        validation.reject_tokens_expiring_in_less_than = 1;

        let keys = match fs::read(&file).await {
            Ok(document) => parse(&document),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ById::new()),
            Err(error) => Err(error.into()),
        };
        let keys = keys.unwrap_or_else(|error| {
            tracing::warn!(error = error_chain(&*error), file = %file.display(), "cannot read the keys; asking for them");
            ById::new()
        });
        let known = watch::Sender::new(Known { keys, asked_at: None });
        Self { nats: nats.clone(), file, known, wanted: Notify::new(), validation }
    }

    /// Whether there are any.
    pub fn are_known(&self) -> bool {
        !self.known.borrow().keys.is_empty()
    }

    /// Who makes a request, or why that is nobody. Where there are no keys, nobody can tell: 503.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Authentication, Problem> {
        let caller = match headers.get(header::AUTHORIZATION) {
            None => Err("there is no Authorization header"),
            Some(header) => match header.to_str().unwrap_or_default().split_once(' ') {
                Some(_) if !self.are_known() => return Err(unavailable()),
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    self.verify(token.trim()).await
                }
                _ => Err("the Authorization header must be: Bearer, a space, the token"),
            },
        };
        Ok(Authentication(caller.map_err(str::to_owned)))
    }

    async fn verify(&self, token: &str) -> Result<Caller, &'static str> {
        let foreign = |error: &Error| match error.kind() {
            ErrorKind::ExpiredSignature => "the token has expired: log in again",
            _ => "the token is not one of ours",
        };
        let header = jsonwebtoken::decode_header(token).map_err(|error| foreign(&error))?;
        let key = self.find(&header.kid.unwrap_or_default()).await.ok_or("the token is not one of ours")?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation)
            .map_err(|error| foreign(&error))?
            .claims;
        Ok(Caller { id: claims.sub, role: claims.role })
    }

    /// The key with this id. One that is not known is asked for, unless `users` was asked a moment ago.
    async fn find(&self, id: &str) -> Option<Arc<DecodingKey>> {
        if let Some(key) = self.known.borrow().keys.get(id) {
            return Some(Arc::clone(key));
        }
        let mut news = self.known.subscribe();
        let just_asked = |known: &Known| known.asked_at.is_some_and(|at| at.elapsed() < LEAST_PAUSE);
        if !just_asked(&news.borrow_and_update()) {
            self.wanted.notify_one();
            let _either = timeout(NATS_PATIENCE, news.changed()).await;
        }
        self.known.borrow().keys.get(id).cloned()
    }

    /// Asks for the keys, every now and then and when one is wanted, for ever. Those that are known stay so until there
    /// are others.
    pub async fn keep_fresh(&self) {
        let mut failing = false;
        loop {
            let asked_at = Instant::now();
            let fresh = self.ask().await;
            if let (Err(error), false) = (&fresh, failing) {
                tracing::warn!(
                    error = error_chain(&**error),
                    "cannot get the keys to check tokens with; trying again"
                );
            }
            failing = fresh.is_err();
            let pause = match &fresh {
                Ok(_) => KEYS_CACHED_FOR,
                Err(_) if self.are_known() => LEAST_PAUSE,
                Err(_) => IMPATIENT_PAUSE,
            };
            self.known.send_modify(|known| {
                known.asked_at = Some(asked_at);
                if let Ok(keys) = fresh {
                    known.keys = keys;
                }
            });
            sleep_until(asked_at + pause.min(LEAST_PAUSE)).await;
            let _either = timeout_at(asked_at + pause, self.wanted.notified()).await;
        }
    }

    async fn ask(&self) -> anyhow::Result<ById> {
        let answer = self.nats.request(JWKS, Bytes::new()).await?;
        let keys = parse(&answer.payload)?;
        if let Err(error) = self.store(&answer.payload).await {
            tracing::warn!(error = error_chain(&error), file = %self.file.display(), "cannot store the keys");
        }
        Ok(keys)
    }

    /// Puts the keys into the file, which is at every moment whole: the old one or the new one, of whichever gateway.
    async fn store(&self, document: &[u8]) -> io::Result<()> {
        let new = self.file.with_extension(Uuid::now_v7().to_string());
        fs::write(&new, document).await?;
        fs::rename(&new, &self.file).await
    }
}

/// Reads the keys of a JWK set. Only such as `users` gives out will do: anything else here is a mistake.
fn parse(document: &[u8]) -> anyhow::Result<ById> {
    let set: JwkSet = serde_json::from_slice(document).context("these are no keys")?;
    ensure!(!set.keys.is_empty(), "there are no keys");
    let named = set.keys.iter().map(|jwk| {
        let id = jwk.common.key_id.clone().context("a key has no id")?;
        let key = DecodingKey::from_jwk(jwk).with_context(|| format!("the key {id} cannot be read"))?;
        let right = key.family() == AlgorithmFamily::Ed && key.try_get_as_bytes()?.len() == 32;
        ensure!(right, "the key {id} is not one of Ed25519");
        Ok((id, Arc::new(key)))
    });
    named.collect()
}
