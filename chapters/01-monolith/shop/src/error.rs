//! The errors of the use cases, and the problem document that a client receives for each.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    orders::TransitionError,
    web::{Invalid, Problem},
};

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 4xx: the request was rejected before a use case ran.
    #[error(transparent)]
    Refused(#[from] Problem),

    /// 401: the address is unknown or the password is wrong. The client is not told which of the two.
    #[error("wrong e-mail address or password")]
    WrongCredentials,

    /// 429: too many wrong passwords. The client may try again after this time.
    #[error("too many wrong passwords")]
    TooManyGuesses {
        /// The time to wait.
        retry_after: Duration,
    },

    /// 403: the request to change the password did not contain the current one.
    #[error("the current password is wrong")]
    WrongPassword,

    /// 404: it does not exist, or this caller may not see it.
    #[error("resource not found")]
    NotFound,

    /// 409: another account has this address.
    #[error("the e-mail address is already registered")]
    EmailTaken,

    /// 409: the order's status does not allow it.
    #[error(transparent)]
    TransitionError(#[from] TransitionError),

    /// 422: an idempotency key belongs to one request, and this is a different one.
    #[error("the idempotency key was already used for a different request")]
    KeyReused,

    /// 503 if the database was busy or full and nothing was changed; otherwise 500.
    #[error("database error")]
    Database(#[from] sqlx::Error),

    /// 500: a bug.
    #[error("unexpected error")]
    Unexpected(#[from] anyhow::Error),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(error.into())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problem) => problem,
            Error::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password")
            }
            Error::TooManyGuesses { retry_after } => {
                Self::too_many_requests("Too many wrong passwords; please retry later", retry_after)
            }
            Error::WrongPassword => Self::new(StatusCode::FORBIDDEN, "wrong-password", "Wrong password"),
            Error::EmailTaken => Self::new(StatusCode::CONFLICT, "email-taken", "E-mail address is taken"),
            Error::TransitionError(error) => {
                Self::new(StatusCode::CONFLICT, "order-state", "The order's status does not allow this")
                    .detail(error.to_string())
            }
            Error::NotFound => Self::new(StatusCode::NOT_FOUND, "not-found", "Resource not found"),
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "Idempotency key reused")
                    .detail("the key was already used for a different request")
            }
            Error::Database(error) if is_transient(&error) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy, nothing was changed; please retry")
            }
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

impl IntoResponse for Error {
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
