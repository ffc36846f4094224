//! The NATS endpoint of this service besides the public API: its public keys.

use async_nats::service::{endpoint::Endpoint, error};
use chassis::{error::error_chain, requests::Requests};
use contracts::token::JWKS_SUBJECT;
use futures::StreamExt;

use super::App;

/// The name of this service, also on NATS.
pub const NAME: &str = "users";

/// Subscribes to the requests for the public keys. They are buffered until [`serve_jwks`] is called.
pub async fn subscribe_jwks(requests: &Requests) -> anyhow::Result<Endpoint> {
    let endpoint = requests.service().endpoint_builder().name("jwks").add(JWKS_SUBJECT).await;
    endpoint.map_err(anyhow::Error::from_boxed)
}

/// Replies to each request with the public keys, until the service ends.
pub async fn serve_jwks(app: App, mut requests: Endpoint) {
    while let Some(request) = requests.next().await {
        let keys = app.public_keys().await.and_then(|keys| Ok(serde_json::to_vec(&keys)?.into()));
        if let Err(error) = &keys {
            tracing::error!(error = error_chain(&**error), "reading the public keys failed");
        }
        let reply =
            keys.map_err(|_| error::Error { status: "reading the keys failed".to_owned(), code: 500 });
        if let Err(error) = request.respond(reply).await {
            tracing::warn!(error = error_chain(&error), "sending the public keys failed");
        }
    }
}
