//! A request, passed on to the service that owns its path, and the answer that comes back.

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
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{App, Deadline, Problem, call, error_chain, web};

/// Passes a request on and gives the answer back, or says what became of it. Ends before the time of the request is over.
pub async fn forward(app: &App, owner: Subject, peer: IpAddr, request: Request) -> Result<Response, Problem> {
    let until = Instant::now() + app.request_timeout;
    let deadline = Deadline(Timestamp::now() + app.request_timeout);
    let caller = app.keys.authenticate(request.headers()).await?;
    app.limit.check(&caller, peer)?;

    let (parts, body) = request.into_parts();
    let body = timeout_at(until, web::read_bytes(body)).await.map_err(|_| too_slow())??;
    let request = Request::from_parts(parts, ());
    if !app.is_connected() {
        return Err(unavailable()); // sent now, it would leave when the connection is back, whenever that is
    }
    let ask = async |until: Instant| {
        let question = async_nats::Request::new()
            .headers(call::request_headers(&request, &caller, deadline))
            .payload(body.clone())
            .timeout(Some(until.saturating_duration_since(Instant::now())));
        app.nats.send_request(owner.clone(), question).await
    };
    let early = if may_be_repeated(&request) { Instant::now() + app.attempt_timeout } else { until };
    let answer = match ask(early.min(until)).await {
        // Nobody or somebody: from now on it may have been done.
        Err(error) if error.kind() == TimedOut && early < until => {
            ask(until).await.map_err(|_| unknown(&owner))
        }
        Err(error) => Err(no_answer(&owner, &error)),
        Ok(answer) => Ok(answer),
    };
    response(request.method(), answer?)
}

/// Whether a second time does no harm: nothing is changed, or whoever changes it knows the key.
fn may_be_repeated<B>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        || request.headers().contains_key("idempotency-key")
}

/// What the client gets of a service's answer: all of it.
fn response(asked: &Method, answer: Message) -> Result<Response, Problem> {
    let mut response =
        call::response(&answer.headers.unwrap_or_default(), answer.payload).map_err(no_sense)?;
    if response.status().is_informational() {
        return Err(no_sense("the status is not one that ends a request"));
    }
    // How long it is, is counted here; only what a HEAD stands for, the service alone knows.
    if asked != Method::HEAD {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    Ok(response.map(Body::from))
}

fn no_answer(owner: &Subject, error: &RequestError) -> Problem {
    match error.kind() {
        NoResponders => unavailable(),
        TimedOut => unknown(owner),
        _ => {
            tracing::error!(error = error_chain(error), %owner, "cannot pass a request on");
            Problem::internal()
        }
    }
}

fn no_sense(why: impl Display) -> Problem {
    tracing::error!(%why, "a service gave an answer that is none");
    Problem::internal()
}

/// 503: nobody has seen the request. Not logged: it may be one of very many.
pub fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "A part of the shop is away; please repeat it",
    )
}

/// 504: somebody may have seen the request, and may have done what it asks.
fn unknown(owner: &Subject) -> Problem {
    tracing::warn!(%owner, "there was no answer in time");
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", "There was no answer in time")
        .detail("the outcome is unknown: repeat it with the same Idempotency-Key")
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed", "The body did not arrive in time")
}
