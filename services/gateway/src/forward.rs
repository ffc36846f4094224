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
use contracts::call::{self, Deadline};
use jiff::Timestamp;
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
    let deadline = Deadline(Timestamp::now() + app.request_timeout);
    let caller = app.keys.authenticate(request.headers()).await?;
    app.rate_limiter.check(&caller, peer)?;

    let (parts, body) = request.into_parts();
    let body = timeout_at(until, web::read_bytes(body)).await.map_err(|_| body_timed_out())??;
    let request = Request::from_parts(parts, ());
    if !app.is_connected() {
        return Err(unavailable()); // the client library would send it after reconnecting, however late that is
    }
    let attempt = async |until: Instant| {
        let message = async_nats::Request::new()
            .headers(call::request_headers(&request, &caller, deadline))
            .payload(body.clone())
            .timeout(Some(until.saturating_duration_since(Instant::now())));
        app.nats.send_request(owner.subject.clone(), message).await
    };
    let first_until =
        if owner.is_safe_to_retry(&request) { Instant::now() + app.attempt_timeout } else { until };
    match attempt(first_until.min(until)).await {
        Ok(reply) => response(request.method(), reply),
        // The first attempt may have been carried out. So the outcome is unknown if the second one fails, or is answered 503,
        // which would mean that nothing was done.
        Err(error) if error.kind() == TimedOut && first_until < until => {
            let reply = attempt(until).await.map_err(|_| outcome_unknown(&owner.subject))?;
            let response = response(request.method(), reply)?;
            let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
            if is_unavailable && !is_read(&request) {
                Err(outcome_unknown(&owner.subject))
            } else {
                Ok(response)
            }
        }
        Err(error) => Err(request_failed(&owner.subject, &error)),
    }
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
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    Ok(response.map(Body::from))
}

fn request_failed(subject: &Subject, error: &RequestError) -> Problem {
    match error.kind() {
        NoResponders => unavailable(),
        TimedOut => outcome_unknown(subject),
        _ => {
            tracing::error!(error = error_chain(error), %subject, "forwarding the request failed");
            Problem::internal()
        }
    }
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

/// 504: a service may have received the request, and may have carried it out.
fn outcome_unknown(subject: &Subject) -> Problem {
    tracing::warn!(%subject, "request timed out");
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", "The request timed out")
        .detail("the outcome is unknown: retry with the same Idempotency-Key")
}

fn body_timed_out() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body did not arrive in time")
}
