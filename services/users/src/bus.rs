//! What this service answers on NATS besides the requests of the public API.

use async_nats::service::{endpoint::Endpoint, error};
use futures::StreamExt;

use super::App;
use chassis::{error::error_chain, requests::Requests};
use contracts::token::JWKS;

/// What this service is called, on NATS too.
pub const NAME: &str = "users";

/// Begins to take the questions for keys. From then on they wait for [`give_out_keys`].
pub async fn take_questions_for_keys(requests: &Requests) -> anyhow::Result<Endpoint> {
    let endpoint = requests.service().endpoint_builder().name("jwks").add(JWKS).await;
    endpoint.map_err(anyhow::Error::from_boxed)
}

/// Answers each question with the keys to check tokens with, until the service ends.
pub async fn give_out_keys(app: App, mut questions: Endpoint) {
    while let Some(question) = questions.next().await {
        let keys = app.read_keys().await.and_then(|keys| Ok(serde_json::to_vec(&keys)?.into()));
        if let Err(error) = &keys {
            tracing::error!(error = error_chain(&**error), "cannot read the keys to check tokens with");
        }
        let answer = keys.map_err(|_| error::Error { status: "no keys can be read".to_owned(), code: 500 });
        if let Err(error) = question.respond(answer).await {
            tracing::warn!(error = error_chain(&error), "cannot give out the keys to check tokens with");
        }
    }
}
