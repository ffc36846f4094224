//! What can go wrong with orders and nowhere else.

use axum::http::StatusCode;

use super::{domain::NotPossible, web::Problem};

/// Why something was not done with an order.
pub type Error = chassis::Error<NotPossible>;

impl From<NotPossible> for Error {
    fn from(not_possible: NotPossible) -> Self {
        Self::Own(not_possible)
    }
}

/// 409: the order's present state does not allow it.
impl From<NotPossible> for Problem {
    fn from(not_possible: NotPossible) -> Self {
        Self::new(StatusCode::CONFLICT, "order-state", "Not possible in the order's present state")
            .detail(not_possible.to_string())
    }
}
