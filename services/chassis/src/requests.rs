//! Requests of the public API: the gateway sends them over NATS, and the axum router of a service answers them.
//!
//! They arrive through NATS's service API, which distributes them among the instances of a service (a queue group) and
//! lists the running instances (service discovery).

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

/// The maximum number of requests in flight. Further requests wait in the buffer of the NATS client.
const MAX_IN_FLIGHT: usize = 512;

/// The requests to one service.
pub struct Requests {
    /// Replies to `$SRV.PING`, `INFO` and `STATS` until it is dropped.
    service: async_nats::service::Service,
    endpoint: Endpoint,
    router: Router,
    in_flight: TaskTracker,
}

impl Requests {
    /// Subscribes to the requests to a service. They are buffered until [`Requests::serve`] is called.
    pub async fn subscribe(bus: &Bus, service: &str, version: &str, router: Router) -> anyhow::Result<Self> {
        let boxed = anyhow::Error::from_boxed;
        let subject = call::subject(service);
        let builder = bus.nats.service_builder().queue_group(service);
        let service = builder.start(service, version).await.map_err(boxed)?;
        let endpoint = service.endpoint_builder().name("http").add(&subject).await.map_err(boxed)?;
        // The server processes the commands of a connection in order: once it has replied to this request, with "no
        // responders", the subscription exists.
        bus.nats.request(bus.nats.new_inbox(), Bytes::new()).await.ok();
        Ok(Self { service, endpoint, router, in_flight: TaskTracker::new() })
    }

    /// The NATS service, to which further endpoints can be added.
    pub fn service(&self) -> &async_nats::service::Service {
        &self.service
    }

    /// Serves requests until `shutdown` completes, and then finishes those in flight.
    pub async fn serve(mut self, shutdown: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        tokio::pin!(shutdown);
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
            let request = tokio::select! {
                request = self.endpoint.next() => request,
                () = &mut shutdown => None,
            };
            let Some(request) = request else { break };
            let router = self.router.clone();
            self.in_flight.spawn(async move {
                let _until_answered = permit;
                answer(request, router).await;
            });
        }
        self.endpoint.stop().await.ok(); // it fails without a connection, and then no request arrives either
        self.in_flight.close();
        self.in_flight.wait().await;
    }
}

async fn answer(request: Request, router: Router) {
    let headers = request.message.headers.clone().unwrap_or_default();
    let response = match call::parse_request(&headers, request.message.payload.clone()) {
        Ok(call) => {
            let target = call.uri().clone();
            let time = call.extensions().get().map_or(Duration::ZERO, |deadline| time_left(*deadline));
            if time.is_zero() {
                // `timeout` would poll the handler once before it gives up.
                return tracing::warn!(%target, "request dropped: it arrived after its deadline");
            }
            // Drop the response after the deadline: the gateway has already answered 504.
            match timeout(time, router.oneshot(call.map(Body::from))).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => return tracing::warn!(%target, "request timed out"),
            }
        }
        Err(error) => Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request is malformed")
            .detail(error.to_string())
            .into_response(),
    };
    if let Err(error) = respond(&request, response).await {
        tracing::error!(error = error_chain(&*error), "sending the response failed, answering 500");
        respond(&request, Problem::internal().into_response()).await.ok(); // it may have been too large to send
    }
}

async fn respond(request: &Request, mut response: Response) -> anyhow::Result<()> {
    write_problem(&mut response, ""); // for a problem that came from no router; a router has written its own
    let mut headers = call::response_headers(&response);
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    let reply = if status.is_server_error() {
        headers.insert(call::ERROR_BODY, std::str::from_utf8(&body)?);
        let reason = status.canonical_reason().unwrap_or("error").to_owned();
        Err(error::Error { status: reason, code: status.as_u16().into() })
    } else {
        Ok(body)
    };
    Ok(request.respond_with_headers(reply, headers).await?)
}

fn time_left(deadline: Deadline) -> Duration {
    deadline.0.duration_since(db::now()).try_into().unwrap_or_default()
}
