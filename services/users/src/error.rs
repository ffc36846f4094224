//! What can go wrong with accounts and nowhere else.

use axum::http::StatusCode;

use super::web::Problem;

/// Why something was not done with an account.
pub type Error = chassis::Error<AccountError>;

/// What only this context refuses.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// 401: no such address, or another password; which of the two is not told.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,

    /// 403: the current password is needed to set a new one.
    #[error("the current password is wrong")]
    WrongPassword,

    /// 409: another account has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,
}

impl From<AccountError> for Error {
    fn from(failure: AccountError) -> Self {
        Self::Domain(failure)
    }
}

impl From<AccountError> for Problem {
    fn from(failure: AccountError) -> Self {
        let (status, kind, title) = match failure {
            AccountError::WrongCredentials => {
                (StatusCode::UNAUTHORIZED, "wrong-credentials", "Not logged in")
            }
            AccountError::WrongPassword => (StatusCode::FORBIDDEN, "wrong-password", "Not changed"),
            AccountError::EmailTaken => (StatusCode::CONFLICT, "email-taken", "The e-mail address is taken"),
        };
        Self::new(status, kind, title).detail(failure.to_string())
    }
}
