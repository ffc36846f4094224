//! What can go wrong in every context, and what a client hears of it.

use std::convert::Infallible;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::web::{Invalid, Problem};

/// Why a use case did not do what was asked. `E` is what can go wrong in one context and in no other.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// 4xx: refused before any use case saw it.
    #[error(transparent)]
    Refused(#[from] Problem),

    /// 404: it does not exist, or not for this caller.
    #[error("there is no such thing")]
    NotFound,

    /// 422: an idempotency key stands for one request.
    #[error("the idempotency key was used with another request")]
    KeyReused,

    /// The context's own reasons.
    #[error(transparent)]
    Domain(E),

    /// 503: too much is asked at once, and nothing was done.
    #[error("there is more to do than can be done in time")]
    Busy,

    /// 503 where the database was busy or full, and nothing was done; else 500.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),

    /// 500: a bug.
    #[error("something unexpected failed")]
    Unexpected(#[from] anyhow::Error),
}

impl<E> From<Invalid> for Error<E> {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}

impl<E> From<serde_json::Error> for Error<E> {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(error.into())
    }
}

/// A context with no reasons of its own has nothing to say.
impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<E: Into<Problem>> From<Error<E>> for Problem {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Refused(problem) => problem,
            Error::Domain(error) => error.into(),
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "One key, two requests")
                    .detail("the idempotency key was used with another request")
            }
            Error::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Nothing was done; please repeat it")
            }
            Error::Database(error) if is_transient(&error) => Self::from(Error::<Infallible>::Busy),
            Error::Database(_) | Error::Unexpected(_) => Self::internal(),
        }
    }
}

/// Whether the database may well do it in a second: it was busy (5), out of disk (13), or had no connection free.
fn is_transient(error: &sqlx::Error) -> bool {
    const PRIMARY: i32 = 0xff; // SQLite's extended codes have the primary one in their low byte
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            matches!(code.map(|code| code & PRIMARY), Some(5 | 13))
        }
        _ => false,
    }
}

impl<E: std::error::Error + Into<Problem> + 'static> IntoResponse for Error<E> {
    fn into_response(self) -> Response {
        // The boundary: what is our fault is logged here, once and with its causes, and told to nobody.
        if let Self::Database(_) | Self::Unexpected(_) = self {
            tracing::error!(error = error_chain(&self), "the request failed");
        }
        Problem::from(self).into_response()
    }
}

/// An error with its causes in one line, for the log.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
