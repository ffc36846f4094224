//! The errors that can occur in every context, and the problem document that a client receives for each.

use std::convert::Infallible;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::web::{Invalid, Problem};

/// Why a use case failed. `E` is the type of the errors that only one context has.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// 4xx: the request was rejected before a use case ran.
    #[error(transparent)]
    Refused(#[from] Problem),

    /// 404: it does not exist, or this caller may not see it.
    #[error("resource not found")]
    NotFound,

    /// 422: an idempotency key belongs to one request, and this is a different one.
    #[error("the idempotency key was already used for a different request")]
    KeyReused,

    /// An error that only this context has.
    #[error(transparent)]
    Domain(E),

    /// 503: the service is overloaded, and nothing was changed.
    #[error("overloaded")]
    Busy,

    /// 503 if the database was busy or full and nothing was changed; otherwise 500.
    #[error("database error")]
    Database(#[from] sqlx::Error),

    /// 500: a bug.
    #[error("unexpected error")]
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

/// For contexts without errors of their own: [`Infallible`] has no values.
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
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", "Resource not found"),
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Idempotency key reused")
                    .detail("the key was already used for a different request")
            }
            Error::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy, nothing was changed; please retry")
            }
            Error::Database(error) if is_transient(&error) => Self::from(Error::<Infallible>::Busy),
            Error::Database(_) | Error::Unexpected(_) => Self::internal(),
        }
    }
}

/// Whether a retry may succeed: the database was busy (5), the disk was full (13), or no connection became free.
fn is_transient(error: &sqlx::Error) -> bool {
    const PRIMARY: i32 = 0xff; // the low byte of an extended result code is the primary code
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
        // Internal errors are logged here and nowhere else, with all their causes. The client gets no details.
        if let Self::Database(_) | Self::Unexpected(_) = self {
            tracing::error!(error = error_chain(&self), "request failed");
        }
        Problem::from(self).into_response()
    }
}

/// Formats an error and its causes in one line, for the log.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
