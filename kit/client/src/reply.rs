//! What a call comes to.

use std::ops::Deref;
use std::time::Duration;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use thiserror::Error;
use uuid::Uuid;

use crate::model::{Problem, Status};
use crate::{Answer, BadRoute, Exchange};

/// What a call comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A parsed body, to be used as such, with the whole answer beside it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Reply<T> {
    pub value: T,
    pub answer: Answer,
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Why a call has no value.
#[derive(Debug, Error)]
pub enum Error {
    /// The routes of the stage make no sense.
    #[error(transparent)]
    BadRoute(#[from] BadRoute),
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No route of the stage covers the path.
    #[error("no route of the stage covers `{0}`: see `routes` of the running stage")]
    NoRoute(String),
    /// No whole answer came: refused, reset or too late. Whether anything was done is unknown.
    #[error("no answer to {request}")]
    Transport {
        /// Method and path.
        request: String,
        /// What happened instead.
        source: reqwest::Error,
    },
    /// The shop said no, and why.
    #[error("{} {} was answered {}: {} ({})", .exchange.request.method, .exchange.request.path,
        .problem.status, .problem.title, .problem.detail.as_deref().unwrap_or("no detail"))]
    Problem {
        /// Request and answer.
        exchange: Box<Exchange>,
        /// The answer's body.
        problem: Box<Problem>,
    },
    /// The answer is neither what the contract promises nor a problem document.
    #[error("the answer {} to {} {} makes no sense: {reason}", .exchange.answer.status, .exchange.request.method,
        .exchange.request.path)]
    Nonsense {
        /// Request and answer.
        exchange: Box<Exchange>,
        /// What could not be read.
        reason: String,
    },
    /// An order did not become what was waited for.
    #[error("order {order} is still {status:?} after {waited:?}")]
    StillWaiting {
        /// The order.
        order: Uuid,
        /// Its status when it was last read.
        status: Status,
        /// How long it was watched.
        waited: Duration,
    },
}

impl Error {
    /// The answer, where there was one.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Problem { exchange, .. } | Self::Nonsense { exchange, .. } => Some(&exchange.answer),
            _ => None,
        }
    }

    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status)
    }

    /// The problem document, if that was the answer.
    pub fn problem(&self) -> Option<&Problem> {
        if let Self::Problem { problem, .. } = self { Some(problem) } else { None }
    }

    /// Whether nobody knows if it was done (no answer, 500, 504): repeat it with the same Idempotency-Key.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Transport { .. }) || matches!(self.status().map(|s| s.as_u16()), Some(500 | 504))
    }

    /// Whether asking again later may help: unknown, or refused for now (429, 503).
    pub fn is_transient(&self) -> bool {
        self.is_unknown() || matches!(self.status().map(|s| s.as_u16()), Some(429 | 503))
    }
}

/// Parses an answer: 2xx as `T` (204 as `null`), everything else as a problem.
pub(crate) fn parse<T: DeserializeOwned>(exchange: Exchange) -> Result<Reply<T>> {
    let Answer { status, body, .. } = &exchange.answer;
    if status.is_success() {
        let body: &[u8] = if *status == StatusCode::NO_CONTENT { b"null" } else { body };
        return match serde_json::from_slice(body) {
            Ok(value) => Ok(Reply { value, answer: exchange.answer }),
            Err(error) => Err(Error::Nonsense { exchange: Box::new(exchange), reason: error.to_string() }),
        };
    }
    match serde_json::from_slice(body) {
        Ok(problem) => Err(Error::Problem { exchange: Box::new(exchange), problem: Box::new(problem) }),
        Err(error) => Err(Error::Nonsense { exchange: Box::new(exchange), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    fn parsed(status: u16, body: &str) -> Result<Reply<u32>> {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: reqwest::header::HeaderMap::new(), body: body.into() };
        parse(Exchange { request: Request::get("/products"), answer })
    }

    const SLOW_DOWN: &str = r#"{"type": "/problems/slow-down", "title": "Slow down", "status": 429}"#;

    #[test]
    fn a_success_has_its_value_and_everything_else_is_an_error() {
        assert_eq!(parsed(200, "7").unwrap().value, 7);
        let error = parsed(429, SLOW_DOWN).unwrap_err();
        assert_eq!(error.to_string(), "GET /products was answered 429: Slow down (no detail)");
        assert!(error.is_transient() && !error.is_unknown());
        assert_eq!(error.problem().unwrap().kind, "/problems/slow-down");
    }

    #[test]
    fn what_cannot_be_read_is_nonsense_and_not_a_problem() {
        for (status, body) in [(200, "seven"), (502, "<h1>Bad gateway</h1>"), (404, "{}")] {
            let error = parsed(status, body).unwrap_err();
            assert!(matches!(error, Error::Nonsense { .. }), "{error}");
            assert_eq!(error.status().unwrap(), status);
        }
    }

    #[test]
    fn after_504_nobody_knows() {
        let error = parsed(504, &SLOW_DOWN.replace("429", "504")).unwrap_err();
        assert!(error.is_unknown());
    }
}
