//! Fake services whose behaviour a test defines, and the keys and tokens of `users`.

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
    token::{Claims, JWKS_SUBJECT},
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

/// A fake service. It stops when it is dropped.
pub struct Service {
    received: Arc<Mutex<Vec<Request<Bytes>>>>,
    task: JoinHandle<()>,
}

/// How a fake service reacts to a request.
pub enum Reaction {
    Respond(Response<Bytes>),
    /// Replies with any message.
    Reply(HeaderMap, &'static [u8]),
    Ignore,
}

impl Service {
    /// Subscribes to the requests to `name`. `react` gets the number of requests that were received before.
    pub async fn start(nats: &Nats, name: &str, react: impl Fn(usize) -> Reaction + Send + 'static) -> Self {
        let nats = nats.connect().await;
        let mut requests = nats.subscribe(call::subject(name)).await.unwrap();
        wait_until_subscribed(&nats).await;
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Some(message) = requests.next().await {
                let request = call::parse_request(&message.headers.unwrap(), message.payload).unwrap();
                let before = all.lock().unwrap().len();
                all.lock().unwrap().push(request);
                let (headers, payload) = match react(before) {
                    Reaction::Respond(response) => (call::response_headers(&response), response.into_body()),
                    Reaction::Reply(headers, payload) => (headers, payload.into()),
                    Reaction::Ignore => continue,
                };
                nats.publish_with_headers(message.reply.unwrap(), headers, payload).await.unwrap();
            }
        });
        Self { received, task }
    }

    /// A service that responds to every request with 200 and its name.
    pub async fn named(nats: &Nats, name: &'static str) -> Self {
        Self::start(nats, name, move |_| Reaction::Respond(ok(&format!("{name:?}")))).await
    }

    /// The requests that the service has received.
    pub fn received(&self) -> Vec<Request<Bytes>> {
        self.received.lock().unwrap().clone()
    }

    /// The caller of the last request, as the gateway authenticated it.
    pub fn last_caller(&self) -> Result<Caller, String> {
        self.received().last().unwrap().extensions().get::<call::Authentication>().unwrap().0.clone()
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

/// A fake `users`, which publishes keys. It stops when it is dropped.
pub struct KeyServer {
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl KeyServer {
    /// Publishes public keys, which are identified by numbers.
    pub async fn publish(nats: &Nats, keys: &[u8]) -> Self {
        let keys = JwkSet { keys: keys.iter().map(|number| public(*number)).collect() };
        Self::publish_text(nats, &serde_json::to_string(&keys).unwrap()).await
    }

    /// Publishes any text.
    pub async fn publish_text(nats: &Nats, keys: &str) -> Self {
        let (nats, keys) = (nats.connect().await, Bytes::from(keys.to_owned()));
        let mut subscription = nats.subscribe(JWKS_SUBJECT).await.unwrap();
        wait_until_subscribed(&nats).await;
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Some(request) = subscription.next().await {
                count.fetch_add(1, Ordering::Relaxed);
                nats.publish(request.reply.unwrap(), keys.clone()).await.unwrap();
            }
        });
        Self { requests, task }
    }

    /// The number of requests for the keys.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The server processes the commands of a connection in order: its reply to this request proves that the subscription
/// exists.
async fn wait_until_subscribed(nats: &async_nats::Client) {
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
pub fn new_customer() -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role: Role::Customer }
}

/// A token that expires in so many seconds. It names the key `kid` and is signed with the key `signed_with`.
pub fn token(caller: Caller, seconds: i64, kid: u8, signed_with: u8) -> String {
    let exp = (Timestamp::now() + SignedDuration::from_secs(seconds)).as_second();
    let claims = Claims { sub: caller.id, role: caller.role, exp };
    let header = Header { kid: Some(kid.to_string()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, &claims, &private(signed_with)).unwrap()
}

/// A valid token.
pub fn valid_token(caller: Caller) -> String {
    token(caller, 900, 7, 7)
}
