//! Requests of the public API, sent to a service directly over NATS, without a gateway.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::{
    call::{self, Authentication, TimeLeft},
    caller::Caller,
};
use http::{Request, StatusCode, request};
use serde_json::Value;

use crate::{Nats, TIMEOUT};

/// Sends requests to one service, in place of the gateway.
pub struct Client {
    nats: async_nats::Client,
    subject: String,
}

/// A response. A body that is not JSON is `null`.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers that the client would receive.
    pub headers: http::HeaderMap,
    /// The body, parsed.
    pub body: Value,
    /// The body as it was received.
    pub bytes: Bytes,
}

impl Client {
    /// A client of the service with this name.
    pub async fn for_service(service: &str, nats: &Nats) -> Self {
        let nats = async_nats::ConnectOptions::new().request_timeout(Some(TIMEOUT)).connect(nats.url()).await;
        Self { nats: nats.unwrap(), subject: call::subject(service) }
    }

    /// Sends a GET request, anonymously if there is no caller.
    pub async fn get(&self, path: &str, caller: Option<Caller>) -> Response {
        self.send(Request::get(path), caller, Bytes::new()).await
    }

    /// Sends a request with a JSON body: `client.json(Request::post("/orders"), None, json!({}))`.
    pub async fn json(&self, request: request::Builder, caller: Option<Caller>, body: Value) -> Response {
        let request = request.header("content-type", "application/json");
        self.send(request, caller, body.to_string().into()).await
    }

    /// Sends a request with any body.
    pub async fn send(&self, request: request::Builder, caller: Option<Caller>, body: Bytes) -> Response {
        let caller = Authentication(caller.ok_or_else(|| "the Authorization header is missing".to_owned()));
        let headers = call::request_headers(&request.body(()).unwrap(), &caller, TimeLeft(TIMEOUT));
        self.send_raw(headers, body).await
    }

    /// Sends any message. The test fails if the service does not respond.
    pub async fn send_raw(&self, headers: HeaderMap, payload: Bytes) -> Response {
        let reply = self.nats.request_with_headers(self.subject.clone(), headers, payload).await.unwrap();
        let response = call::parse_response(&reply.headers.unwrap_or_default(), reply.payload).unwrap();
        Response {
            status: response.status(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
            bytes: response.into_body(),
        }
    }

    /// Waits until an instance of the service responds.
    pub async fn wait_until_ready(&self) {
        crate::wait_for(&format!("a responder on {}", self.subject), async || {
            let probe = self.nats.request(self.subject.clone(), Bytes::new());
            tokio::time::timeout(Duration::from_secs(1), probe).await.ok()?.ok()
        })
        .await;
    }
}
