//! What every request passes on its way in and every answer on its way out.

use std::any::Any;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;

use super::Problem;

const REQUEST_ID: &str = "x-request-id";

/// Names the request, in its log lines and in its answer, and writes the problem where it came to one.
pub async fn request_id(request: Request, next: Next) -> Response {
    let id = client_request_id(request.headers()).unwrap_or_else(|| Uuid::now_v7().to_string());
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.document(&id));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The caller's own id of the request, where it can do no harm in a log or a header.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane =
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    sane.then(|| id.to_owned())
}

/// Answers a path that is not there.
pub async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-route", "There is nothing at this path")
}

/// Answers a method that a path does not have; axum adds `Allow`.
pub async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This path does not have that method")
}

/// Answers where a handler panicked. The panic hook has logged what and where.
pub fn handle_panic(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(id: &str) -> Option<String> {
        client_request_id(&HeaderMap::from_iter([(
            REQUEST_ID.parse().unwrap(),
            HeaderValue::from_str(id).unwrap(),
        )]))
    }

    #[test]
    fn a_sane_request_id_is_kept() {
        assert_eq!(sent("Order_17.a-b").as_deref(), Some("Order_17.a-b"));
        assert!(sent(&"x".repeat(64)).is_some());
    }

    #[test]
    fn a_request_id_that_is_empty_long_or_strange_is_replaced() {
        assert_eq!(sent(""), None);
        assert_eq!(sent(&"x".repeat(65)), None);
        assert_eq!(sent("a b"), None);
        assert_eq!(sent("a\tb"), None);
    }
}
