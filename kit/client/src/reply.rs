//! The result of a call.

use std::ops::Deref;
use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use thiserror::Error;
use uuid::Uuid;

use crate::model::{Problem, Status};
use crate::{InvalidRoute, Response, RoundTrip};

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A parsed body together with the raw response. It dereferences to the body.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Reply<T> {
    pub value: T,
    pub response: Response,
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The reason why a call failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A route of the stage is invalid.
    #[error(transparent)]
    InvalidRoute(#[from] InvalidRoute),
    /// The HTTP client could not be created.
    #[error("cannot create the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No route of the stage covers the path.
    #[error("no route of the stage covers `{0}`: see `routes` of the running stage")]
    NoRoute(String),
    /// No complete response arrived: the connection was refused or reset, or the request timed out. The outcome is
    /// unknown.
    #[error("no response to {request}")]
    Transport {
        /// Method and path.
        request: String,
        /// The error of the HTTP client.
        source: reqwest::Error,
    },
    /// The shop returned a problem document.
    #[error("{} {} returned {}: {} ({})", .round_trip.request.method, .round_trip.request.path,
        .problem.status, .problem.title, .problem.detail.as_deref().unwrap_or("no detail"))]
    Problem {
        /// The request and its response.
        round_trip: Box<RoundTrip>,
        /// The parsed body of the response.
        problem: Box<Problem>,
    },
    /// The body matches neither the contract nor a problem document.
    #[error("cannot parse the response to {} {} ({}): {reason}", .round_trip.request.method,
        .round_trip.request.path, .round_trip.response.status)]
    UnexpectedResponse {
        /// The request and its response.
        round_trip: Box<RoundTrip>,
        /// The error of the JSON parser.
        reason: String,
    },
    /// The order did not reach the expected state in time.
    #[error("timed out waiting for order {order}: it is still {status:?} after {waited:?}")]
    WaitTimedOut {
        /// The order.
        order: Uuid,
        /// Its status when it was last read.
        status: Status,
        /// How long the client waited.
        waited: Duration,
    },
}

impl Error {
    /// The response, if one arrived.
    pub fn response(&self) -> Option<&Response> {
        match self {
            Self::Problem { round_trip, .. } | Self::UnexpectedResponse { round_trip, .. } => {
                Some(&round_trip.response)
            }
            _ => None,
        }
    }

    /// The status of the response, if one arrived.
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(|response| response.status)
    }

    /// The problem document, if the shop returned one.
    pub fn problem(&self) -> Option<&Problem> {
        if let Self::Problem { problem, .. } = self { Some(problem) } else { None }
    }

    /// Whether the outcome is unknown: no response arrived, or it was 500 or 504. Retry with the same `Idempotency-Key`.
    pub fn outcome_is_unknown(&self) -> bool {
        matches!(self, Self::Transport { .. }) || matches!(self.status().map(|s| s.as_u16()), Some(500 | 504))
    }

    /// Whether a retry may succeed: the outcome is unknown, or the shop could not serve the request now (429, 503).
    pub fn is_transient(&self) -> bool {
        self.outcome_is_unknown() || matches!(self.status().map(|s| s.as_u16()), Some(429 | 503))
    }
}

/// Parses the body of a 2xx response as `T` (of 204 as `null`), and every other body as a problem document.
pub(crate) fn parse<T: DeserializeOwned>(round_trip: RoundTrip) -> Result<Reply<T>> {
    let Response { status, body, .. } = &round_trip.response;
    if status.is_success() {
        let body: &[u8] = if *status == StatusCode::NO_CONTENT { b"null" } else { body };
        return match serde_json::from_slice(body) {
            Ok(value) => Ok(Reply { value, response: round_trip.response }),
            Err(error) => {
                Err(Error::UnexpectedResponse { round_trip: Box::new(round_trip), reason: error.to_string() })
            }
        };
    }
    match serde_json::from_slice(body) {
        Ok(problem) => Err(Error::Problem { round_trip: Box::new(round_trip), problem: Box::new(problem) }),
        Err(error) => {
            Err(Error::UnexpectedResponse { round_trip: Box::new(round_trip), reason: error.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    fn parsed(status: u16, body: &str) -> Result<Reply<u32>> {
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response { status, headers: reqwest::header::HeaderMap::new(), body: body.into() };
        parse(RoundTrip { request: Request::get("/products"), response })
    }

    const SLOW_DOWN: &str = r#"{"type": "/problems/slow-down", "title": "Slow down", "status": 429}"#;

    #[test]
    fn only_a_2xx_response_has_a_value() {
        assert_eq!(parsed(200, "7").unwrap().value, 7);
        let error = parsed(429, SLOW_DOWN).unwrap_err();
        assert_eq!(error.to_string(), "GET /products returned 429: Slow down (no detail)");
        assert!(error.is_transient() && !error.outcome_is_unknown());
        assert_eq!(error.problem().unwrap().kind, "/problems/slow-down");
    }

    #[test]
    fn a_body_that_cannot_be_parsed_is_not_a_problem_document() {
        for (status, body) in [(200, "seven"), (502, "<h1>Bad gateway</h1>"), (404, "{}")] {
            let error = parsed(status, body).unwrap_err();
            assert!(matches!(error, Error::UnexpectedResponse { .. }), "{error}");
            assert_eq!(error.status().unwrap(), status);
        }
    }

    #[test]
    fn the_outcome_of_a_504_is_unknown() {
        let error = parsed(504, &SLOW_DOWN.replace("429", "504")).unwrap_err();
        assert!(error.outcome_is_unknown());
    }
}
