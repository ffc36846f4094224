//! The errors that only orders have.

use axum::http::StatusCode;

use super::domain::TransitionError;
use chassis::web::Problem;

/// Why a use case of orders failed.
pub type Error = chassis::Error<TransitionError>;

impl From<TransitionError> for Error {
    fn from(error: TransitionError) -> Self {
        Self::Domain(error)
    }
}

/// 409: the order's status does not allow it.
impl From<TransitionError> for Problem {
    fn from(error: TransitionError) -> Self {
        Self::new(StatusCode::CONFLICT, "order-state", "The order's status does not allow this")
            .detail(error.to_string())
    }
}
