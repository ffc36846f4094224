//! Services that do what a test says, and what `users` knows: keys and tokens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_nats::HeaderMap;
use axum::http::{Request, Response};
use bytes::Bytes;
use contracts::{
    call,
    caller::{Caller, Role, UserId},
    token::{Claims, JWKS},
};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use testbed::Nats;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A service that is made up. Gone when dropped.
pub struct Service {
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
    task: JoinHandle<()>,
}

/// What a service does with a request.
pub enum Does {
    Answer(Response<Bytes>),
    /// Answers with anything.
    Say(HeaderMap, &'static [u8]),
    Nothing,
}

impl Service {
    /// Takes the requests to `name`; `does` hears how many came before.
    pub async fn start(nats: &Nats, name: &str, does: impl Fn(usize) -> Does + Send + 'static) -> Self {
        let nats = nats.connect().await;
        let mut requests = nats.subscribe(call::subject(name)).await.unwrap();
        until_subscribed(&nats).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Some(message) = requests.next().await {
                let request = call::request(&message.headers.unwrap(), message.payload).unwrap();
                let before = all.lock().unwrap().len();
                all.lock().unwrap().push(request);
                let (headers, payload) = match does(before) {
                    Does::Answer(answer) => (call::response_headers(&answer), answer.into_body()),
                    Does::Say(headers, payload) => (headers, payload.into()),
                    Does::Nothing => continue,
                };
                nats.publish_with_headers(message.reply.unwrap(), headers, payload).await.unwrap();
            }
        });
        Self { seen, task }
    }

    /// A service that answers every request with 200 and its name.
    pub async fn named(nats: &Nats, name: &'static str) -> Self {
        Self::start(nats, name, move |_| Does::Answer(ok(&format!("{name:?}")))).await
    }

    /// What the service was asked so far.
    pub fn seen(&self) -> Vec<Request<Bytes>> {
        self.seen.lock().unwrap().clone()
    }

    /// Who the last request came from, as the gateway says.
    pub fn last_caller(&self) -> Result<Caller, String> {
        self.seen().last().unwrap().extensions().get::<call::Authentication>().unwrap().0.clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn ok(body: &str) -> Response<Bytes> {
    Response::builder().header("content-type", "application/json").body(body.to_owned().into()).unwrap()
}

/// What `users` is to the gateway: who gives out keys. Gone when dropped.
pub struct Keys {
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Keys {
    /// Gives out the public halves of some keys, each of which has a number.
    pub async fn give_out(nats: &Nats, keys: &[u8]) -> Self {
        let keys = JwkSet { keys: keys.iter().map(|number| public(*number)).collect() };
        Self::say(nats, &serde_json::to_string(&keys).unwrap()).await
    }

    /// Gives out anything.
    pub async fn say(nats: &Nats, keys: &str) -> Self {
        let (nats, keys) = (nats.connect().await, Bytes::from(keys.to_owned()));
        let mut questions = nats.subscribe(JWKS).await.unwrap();
        until_subscribed(&nats).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Some(question) = questions.next().await {
                count.fetch_add(1, Ordering::Relaxed);
                nats.publish(question.reply.unwrap(), keys.clone()).await.unwrap();
            }
        });
        Self { asked, task }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The server does in order what it is told: when it has answered this, it has done what was before.
async fn until_subscribed(nats: &async_nats::Client) {
    nats.request("nobody", Bytes::new()).await.unwrap_err();
}

fn private(number: u8) -> EncodingKey {
    const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    EncodingKey::from_ed_der(&[PKCS8, &[number; 32]].concat())
}

fn public(number: u8) -> Jwk {
    let mut key = Jwk::from_encoding_key(&private(number), Algorithm::EdDSA).unwrap();
    key.common.key_id = Some(number.to_string());
    key
}

/// A new customer.
pub fn somebody() -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role: Role::Customer }
}

/// A token that is valid for so many seconds from now, signed with a key that is said to be the one of this number.
pub fn token(caller: Caller, seconds: i64, said: u8, signed_with: u8) -> String {
    let exp = (Timestamp::now() + SignedDuration::from_secs(seconds)).as_second();
    let claims = Claims { sub: caller.id, role: caller.role, exp };
    let header = Header { kid: Some(said.to_string()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, &claims, &private(signed_with)).unwrap()
}

/// A token of one who has just logged in.
pub fn good_token(caller: Caller) -> String {
    token(caller, 900, 7, 7)
}
