//! Requests of the public API: the gateway sends them over NATS, and the axum router of a service answers them.
//!
//! NATS distributes them among the instances of a service (a queue group), and its service API lists the running instances
//! (service discovery).

use std::{convert::Infallible, sync::Arc};

use async_nats::{
    Client, Message, Subject, Subscriber,
    service::{Service, ServiceExt},
};
use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use contracts::call::{self, TimeLeft};
use futures::StreamExt;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::{
    Bus,
    error::{Error, error_chain},
    web::{Problem, write_problem},
};

/// The maximum number of requests that the router handles at the same time. Others wait, while their time runs down.
const MAX_IN_FLIGHT: usize = 512;

/// The maximum number of requests that are accepted and not yet answered. Further ones are answered 503 at once, so
/// that the backlog is limited, even in a process that was frozen.
const MAX_ACCEPTED: usize = 8192;

/// A number of messages that no subscription ever receives, see [`Requests::stop_delivery`].
const UNREACHABLE_LIMIT: u64 = 1_000_000_000_000;

/// The requests to one service.
pub struct Requests {
    /// Replies to `$SRV.PING`, `INFO` and `STATS`.
    service: Service,
    subscription: Subscriber,
    handler: Handler,
    accepted: TaskTracker,
}

/// What answering a request needs.
#[derive(Clone)]
struct Handler {
    nats: Client,
    router: Router,
    permits: Arc<Semaphore>,
}

impl Requests {
    /// Subscribes to the requests to a service. They are buffered until [`Requests::serve`] is called.
    pub async fn subscribe(bus: &Bus, service: &str, version: &str, router: Router) -> anyhow::Result<Self> {
        let subscription = bus.nats.queue_subscribe(call::subject(service), service.to_owned()).await?;
        let started = bus.nats.service_builder().queue_group(service).start(service, version).await;
        let handler =
            Handler { nats: bus.nats.clone(), router, permits: Arc::new(Semaphore::new(MAX_IN_FLIGHT)) };
        handler.round_trip().await; // afterwards the subscription exists
        let service = started.map_err(anyhow::Error::from_boxed)?;
        Ok(Self { service, subscription, handler, accepted: TaskTracker::new() })
    }

    /// The NATS service, to which endpoints can be added.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Serves requests until `shutdown` completes, and then answers all that NATS has delivered.
    pub async fn serve(mut self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let request = tokio::select! {
                request = self.subscription.next() => request,
                () = &mut shutdown => None,
            };
            let Some(request) = request else { break };
            self.accept(request);
        }
        self.stop_delivery().await;
        while let Some(request) = self.subscription.next().await {
            self.accept(request);
        }
        self.accepted.close();
        self.accepted.wait().await;
        // The client library may still buffer the last responses. Afterwards the server has them.
        self.handler.round_trip().await;
        self.service.stop().await.ok(); // it never fails
    }

    /// Makes the server deliver no more requests, and waits until all that it has delivered are in the buffer.
    ///
    /// `Subscriber::unsubscribe` alone would lose some: the client library forgets a subscription when it sends the command,
    /// and discards what the server delivers until it has processed the command. `Subscriber::drain` forgets it almost as
    /// early. With a limit, the library keeps the subscription until the limit is reached. The server ends the subscription
    /// at once, because it treats a limit of more than nine digits as no limit.
    async fn stop_delivery(&mut self) {
        // Each of these fails only without a connection, and then no request arrives either.
        self.subscription.unsubscribe_after(UNREACHABLE_LIMIT).await.ok();
        self.handler.round_trip().await;
        self.subscription.unsubscribe().await.ok(); // closes the buffer, so that reading it ends
    }

    fn accept(&self, request: Message) {
        let (handler, arrived) = (self.handler.clone(), Instant::now());
        let has_capacity = self.accepted.len() < MAX_ACCEPTED;
        self.accepted.spawn(async move {
            let Some(reply) = request.reply.clone() else {
                return tracing::warn!("request dropped: it names no subject for the response");
            };
            let response = if has_capacity {
                handler.answer(request, arrived).await
            } else {
                Some(Problem::from(Error::<Infallible>::Busy).into_response())
            };
            if let Some(response) = response {
                handler.send(reply, response).await;
            }
        });
    }
}

impl Handler {
    /// The response to a request. None if its time is over: the gateway has already answered 504.
    async fn answer(&self, request: Message, arrived: Instant) -> Option<Response> {
        let call = match call::parse_request(&request.headers.unwrap_or_default(), request.payload) {
            Ok(call) => call,
            Err(error) => {
                let malformed =
                    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The request is malformed");
                return Some(malformed.detail(error.to_string()).into_response());
            }
        };
        let target = call.uri().clone();
        let TimeLeft(time) = call.extensions().get().copied().unwrap_or_default();
        let time = time.saturating_sub(arrived.elapsed());
        if time.is_zero() {
            // `timeout` would poll the handler once before it gives up.
            tracing::warn!(%target, "request dropped: its time is over");
            return None;
        }
        let answered = async {
            let _until_answered = self.permits.acquire().await;
            self.router.clone().oneshot(call.map(Body::from)).await
        };
        match timeout(time, answered).await {
            Ok(Ok(response)) => Some(response),
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::warn!(%target, "request timed out");
                None
            }
        }
    }

    async fn send(&self, reply: Subject, response: Response) {
        if let Err(error) = self.publish(reply.clone(), response).await {
            tracing::error!(error = error_chain(&*error), "sending the response failed, answering 500");
            // The response may have been too large to send.
            self.publish(reply, Problem::internal().into_response()).await.ok();
        }
    }

    async fn publish(&self, reply: Subject, mut response: Response) -> anyhow::Result<()> {
        write_problem(&mut response, ""); // for a problem that came from no router; a router has written its own
        let headers = call::response_headers(&response);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
        Ok(self.nats.publish_with_headers(reply, headers, body).await?)
    }

    /// Waits until the server has processed everything that we have sent, and we have received what it sent until then.
    ///
    /// The server processes the commands of a connection in order. Its reply to this request says that nobody has
    /// subscribed to the subject.
    async fn round_trip(&self) {
        self.nats.request(self.nats.new_inbox(), Bytes::new()).await.ok();
    }
}
