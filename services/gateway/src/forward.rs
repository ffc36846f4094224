//! Forwards a request to the service that owns its path, and returns the response.

use std::{fmt::Display, net::IpAddr};

use async_nats::{
    Message, RequestError,
    RequestErrorKind::{NoResponders, TimedOut},
    Subject,
};
use axum::{
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header},
    response::Response,
};
use chassis::{
    error::error_chain,
    web::{self, Problem},
};
use contracts::call::{self, Peer, TimeLeft};
use tokio::time::{Instant, timeout_at};

use super::App;

/// The service that owns a path.
#[derive(Clone)]
pub struct Owner {
    /// The subject of its requests.
    pub subject: Subject,
    /// Whether it recognises an `Idempotency-Key`, so that a repeated request has no second effect.
    pub deduplicates: bool,
}

impl Owner {
    /// Whether a retry does no harm: the request changes nothing, or the service recognises its idempotency key.
    fn is_safe_to_retry<B>(&self, request: &Request<B>) -> bool {
        is_read(request) || self.deduplicates && request.headers().contains_key("idempotency-key")
    }
}

fn is_read<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Forwards a request to its owner and returns the response, or a problem, before the request times out.
pub async fn forward(app: &App, owner: Owner, peer: IpAddr, request: Request) -> Result<Response, Problem> {
    let until = Instant::now() + app.request_timeout;
    let caller = app.keys.authenticate(request.headers()).await?;
    app.rate_limiter.check(&caller, peer)?;

    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Peer(peer));
    let body = timeout_at(until, web::read_bytes(body)).await.map_err(|_| body_timed_out())??;
    let request = Request::from_parts(parts, ());
    if !app.is_connected() {
        return Err(unavailable()); // the client library would send it after reconnecting, however late that is
    }
    let attempt = async |attempt_until: Instant| {
        let now = Instant::now();
        let time_left = TimeLeft(until.saturating_duration_since(now));
        let message = async_nats::Request::new()
            .headers(call::request_headers(&request, &caller, time_left))
            .payload(body.clone())
            .timeout(Some(attempt_until.saturating_duration_since(now)));
        app.nats.send_request(owner.subject.clone(), message).await
    };
    let first_until = if owner.is_safe_to_retry(&request) {
        until.min(Instant::now() + app.attempt_timeout)
    } else {
        until
    };
    match attempt(first_until).await {
        Ok(reply) => response(request.method(), reply),
        Err(error) if error.kind() == TimedOut && first_until < until => {
            retried(&owner, &request, attempt(until).await)
        }
        Err(error) if error.kind() == TimedOut => Err(outcome_unknown(&owner, &request, "none")),
        Err(error) => Err(not_sent(&owner, &error)),
    }
}

/// The response to a request whose first attempt timed out. The service may have carried it out, so the outcome is unknown if
/// the second attempt fails, or is answered 503, which would mean that nothing was done.
fn retried(
    owner: &Owner,
    request: &Request<()>,
    second: Result<Message, RequestError>,
) -> Result<Response, Problem> {
    let reply = second.map_err(|error| outcome_unknown(owner, request, &error_chain(&error)))?;
    let response = response(request.method(), reply)?;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE && !is_read(request) {
        return Err(outcome_unknown(owner, request, "answered 503"));
    }
    Ok(response)
}

/// The HTTP response for the reply of a service.
fn response(method: &Method, reply: Message) -> Result<Response, Problem> {
    let mut response =
        call::parse_response(&reply.headers.unwrap_or_default(), reply.payload).map_err(invalid_response)?;
    if response.status().is_informational() {
        return Err(invalid_response("an informational status does not end a request"));
    }
    // The server computes the length of the body. Only for HEAD, which has no body, the service knows the length.
    if method != Method::HEAD {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response.map(Body::from))
}

fn not_sent(owner: &Owner, error: &RequestError) -> Problem {
    if error.kind() == NoResponders {
        return unavailable();
    }
    tracing::error!(error = error_chain(error), subject = %owner.subject, "forwarding the request failed");
    Problem::internal()
}

fn invalid_response(reason: impl Display) -> Problem {
    tracing::error!(%reason, "invalid response from a service");
    Problem::internal()
}

/// 503: no service has received the request. Not logged, because an outage causes very many of them.
pub fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "A part of the shop is unavailable; please retry",
    )
}

/// 504: a service may have received the request, and may have carried it out. `retry` is the result of the second attempt.
fn outcome_unknown(owner: &Owner, request: &Request<()>, retry: &str) -> Problem {
    tracing::warn!(subject = %owner.subject, method = %request.method(), retry, "request timed out");
    let detail = if is_read(request) {
        "no response arrived in time; the request changes nothing, so it can be retried"
    } else if owner.is_safe_to_retry(request) {
        "the outcome is unknown: retry with the same Idempotency-Key"
    } else {
        "the outcome is unknown: the request may have been carried out, so look before you retry it"
    };
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", "The request timed out").detail(detail)
}

fn body_timed_out() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body did not arrive in time")
}
