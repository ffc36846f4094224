//! Everything that can go wrong in the shop, and what a client hears of it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    orders::TransitionError,
    web::{Invalid, Problem},
};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 4xx: refused before any use case saw it.
    #[error(transparent)]
    Refused(#[from] Problem),

    /// 401: no such address, or another password; which of the two is not told.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,

    /// 403: the current password is needed to set a new one.
    #[error("the current password is wrong")]
    WrongPassword,

    /// 404: it does not exist, or not for this caller.
    #[error("there is no such thing")]
    NotFound,

    /// 409: another account has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,

    /// 409: the order's present state does not allow it.
    #[error(transparent)]
    TransitionError(#[from] TransitionError),

    /// 422: an idempotency key stands for one request.
    #[error("the idempotency key was used with another request")]
    KeyReused,

    /// 503 where the database was busy or full, and nothing was done; else 500.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),

    /// 500: a bug.
    #[error("something unexpected failed")]
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

impl Error {
    fn problem(self) -> Problem {
        let detail = self.to_string();
        let (status, kind, title) = match self {
            Self::Refused(problem) => return problem,
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong-credentials", "Not logged in"),
            Self::WrongPassword => (StatusCode::FORBIDDEN, "wrong-password", "Not changed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::EmailTaken => (StatusCode::CONFLICT, "email-taken", "The e-mail address is taken"),
            Self::TransitionError(_) => {
                (StatusCode::CONFLICT, "order-state", "Not possible in the order's present state")
            }
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "One key, two requests"),
            Self::Database(error) if is_transient(&error) => {
                return Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy",
                    "Nothing was done; please repeat it",
                );
            }
            Self::Database(_) | Self::Unexpected(_) => return Problem::internal(),
        };
        Problem::new(status, kind, title).detail(detail)
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

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // The boundary: what is our fault is logged here, once and with its causes, and told to nobody.
        if let Self::Database(_) | Self::Unexpected(_) = self {
            tracing::error!(error = error_chain(&self), "the request failed");
        }
        self.problem().into_response()
    }
}

/// An error with its causes in one line, for the log.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
