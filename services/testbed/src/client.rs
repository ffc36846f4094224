//! Requests of the public API as a service gets them, with nothing between it and the test but NATS.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::{
    call::{self, Authentication, Deadline},
    caller::Caller,
};
use http::{Request, StatusCode, request};
use jiff::Timestamp;
use serde_json::Value;

use crate::{Nats, PATIENCE};

/// Who asks one service, in the gateway's place.
pub struct Client {
    nats: async_nats::Client,
    subject: String,
}

/// An answer, read whole. Null stands for a body that is no JSON.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: StatusCode,
    /// What the client would get.
    pub headers: http::HeaderMap,
    /// What the client would read.
    pub body: Value,
}

impl Client {
    /// A client of the service with this name.
    pub async fn of(service: &str, nats: &Nats) -> Self {
        let nats =
            async_nats::ConnectOptions::new().request_timeout(Some(PATIENCE)).connect(nats.url()).await;
        Self { nats: nats.unwrap(), subject: call::subject(service) }
    }

    /// Sends a request without a body, as somebody or as nobody.
    pub async fn get(&self, path: &str, caller: Option<Caller>) -> Answer {
        self.send(Request::get(path), caller, Bytes::new()).await
    }

    /// Sends a request with a body of JSON: `client.json(Request::post("/orders"), None, json!({}))`.
    pub async fn json(&self, request: request::Builder, caller: Option<Caller>, body: Value) -> Answer {
        let request = request.header("content-type", "application/json");
        self.send(request, caller, body.to_string().into()).await
    }

    /// Sends a request that is to be answered in time.
    pub async fn send(&self, request: request::Builder, caller: Option<Caller>, body: Bytes) -> Answer {
        let caller = Authentication(caller.ok_or_else(|| "there is no Authorization header".to_owned()));
        let deadline = Deadline(Timestamp::now() + PATIENCE);
        let headers = call::request_headers(&request.body(()).unwrap(), &caller, deadline);
        self.send_raw(headers, body).await
    }

    /// Sends anything. A service that does not answer has failed the test.
    pub async fn send_raw(&self, headers: HeaderMap, payload: Bytes) -> Answer {
        let answer = self.nats.request_with_headers(self.subject.clone(), headers, payload).await.unwrap();
        let answer = call::response(&answer.headers.unwrap_or_default(), answer.payload).unwrap();
        Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: serde_json::from_slice(answer.body()).unwrap_or_default(),
        }
    }

    /// Waits until an instance of the service takes requests.
    pub async fn until_there(&self) {
        crate::until(&format!("somebody to listen at {}", self.subject), async || {
            let probe = self.nats.request(self.subject.clone(), Bytes::new());
            tokio::time::timeout(Duration::from_secs(1), probe).await.ok()?.ok()
        })
        .await;
    }
}
