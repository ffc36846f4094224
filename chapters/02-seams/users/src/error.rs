//! The errors that only accounts have.

use std::time::Duration;

use axum::http::StatusCode;

use chassis::web::Problem;

/// Why a use case of accounts failed.
pub type Error = chassis::Error<AccountError>;

/// The errors that only accounts have.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
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

    /// 409: another account has this address.
    #[error("the e-mail address is already registered")]
    EmailTaken,
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        Self::Domain(error)
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, kind, title) = match error {
            AccountError::WrongCredentials => {
                (StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password")
            }
            AccountError::TooManyGuesses { retry_after } => {
                return Self::too_many_requests("Too many wrong passwords; please retry later", retry_after);
            }
            AccountError::WrongPassword => (StatusCode::FORBIDDEN, "wrong-password", "Wrong password"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "E-mail address is taken"),
        };
        Self::new(status, kind, title)
    }
}
