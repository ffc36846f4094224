//! What can go wrong with orders and nowhere else.

use axum::http::StatusCode;

use super::{domain::TransitionError, web::Problem};

/// Why something was not done with an order.
pub type Error = chassis::Error<TransitionError>;

impl From<TransitionError> for Error {
    fn from(error: TransitionError) -> Self {
        Self::Domain(error)
    }
}

/// 409: the order's present state does not allow it.
impl From<TransitionError> for Problem {
    fn from(error: TransitionError) -> Self {
        Self::new(StatusCode::CONFLICT, "order-state", "Not possible in the order's present state")
            .detail(error.to_string())
    }
}
