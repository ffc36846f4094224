//! Requests of the public API, as the gateway passes them on: taken from NATS, answered by the router of a service.
//!
//! They come by NATS's own service API: it shares them among the instances of a service, and knows who is there.

use std::{sync::Arc, time::Duration};

use async_nats::service::{Request, ServiceExt, endpoint::Endpoint, error};
use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contracts::call::{self, Deadline};
use futures::StreamExt;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::{
    Bus, db,
    error::error_chain,
    web::{Problem, write_problem},
};

/// How many requests are worked on at once. More wait in NATS's hands, and are dropped there when their time is over.
const AT_ONCE: usize = 512;

/// The requests to one service.
pub struct Requests {
    /// Answers `$SRV.PING`, `INFO` and `STATS` for as long as it lives.
    service: async_nats::service::Service,
    endpoint: Endpoint,
    router: Router,
    under_way: TaskTracker,
}

impl Requests {
    /// Begins to take the requests to a service. From then on they wait for [`Requests::answer`].
    pub async fn take(bus: &Bus, service: &str, version: &str, router: Router) -> anyhow::Result<Self> {
        let boxed = anyhow::Error::from_boxed;
        let subject = call::subject(service);
        let builder = bus.nats.service_builder().queue_group(service);
        let service = builder.start(service, version).await.map_err(boxed)?;
        let endpoint = service.endpoint_builder().name("http").add(&subject).await.map_err(boxed)?;
        // The server does what it is told in turn: once it has said that nobody listens here, it knows who listens there.
        bus.nats.request(bus.nats.new_inbox(), Bytes::new()).await.ok();
        Ok(Self { service, endpoint, router, under_way: TaskTracker::new() })
    }

    /// The other endpoints of the service are made with this.
    pub fn service(&self) -> &async_nats::service::Service {
        &self.service
    }

    /// Answers requests until told to stop, and then those that are under way.
    pub async fn answer(mut self, stop: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        tokio::pin!(stop);
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
            let request = tokio::select! {
                request = self.endpoint.next() => request,
                () = &mut stop => None,
            };
            let Some(request) = request else { break };
            let router = self.router.clone();
            self.under_way.spawn(async move {
                let _until_answered = permit;
                answer(request, router).await;
            });
        }
        self.endpoint.stop().await.ok(); // it fails where there is no connection, and then nothing comes either
        self.under_way.close();
        self.under_way.wait().await;
    }
}

async fn answer(request: Request, router: Router) {
    let headers = request.message.headers.clone().unwrap_or_default();
    let response = match call::request(&headers, request.message.payload.clone()) {
        Ok(call) => {
            let target = call.uri().clone();
            let time = call.extensions().get().map_or(Duration::ZERO, |deadline| time_left(*deadline));
            if time.is_zero() {
                return tracing::warn!(%target, "left a request that came too late"); // a time-out would still begin it
            }
            // Late is never: nobody waits for it, and who asked has been told that the outcome is unknown.
            match timeout(time, router.oneshot(call.map(Body::from))).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => return tracing::warn!(%target, "gave up a request that was not answered in time"),
            }
        }
        Err(error) => Problem::new(StatusCode::BAD_REQUEST, "malformed", "This is not a request")
            .detail(error.to_string())
            .into_response(),
    };
    if let Err(error) = respond(&request, response).await {
        tracing::error!(error = error_chain(&*error), "cannot answer a request with what is its answer");
        respond(&request, Problem::internal().into_response()).await.ok(); // it may have been too long to send
    }
}

async fn respond(request: &Request, mut response: Response) -> anyhow::Result<()> {
    write_problem(&mut response, ""); // one that came from no router; the others are written
    let mut headers = call::response_headers(&response);
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    let answer = if status.is_server_error() {
        headers.insert(call::ERROR_BODY, std::str::from_utf8(&body)?);
        let reason = status.canonical_reason().unwrap_or("error").to_owned();
        Err(error::Error { status: reason, code: status.as_u16().into() })
    } else {
        Ok(body)
    };
    Ok(request.respond_with_headers(answer, headers).await?)
}

fn time_left(deadline: Deadline) -> Duration {
    deadline.0.duration_since(db::now()).try_into().unwrap_or_default()
}
