//! The middleware that gives every request an id, and the responses to requests that no handler answers.

use std::any::Any;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use uuid::Uuid;

use super::{Problem, read_body};
use crate::correlation;

const REQUEST_ID: &str = "x-request-id";

/// Adds the fallbacks and the middleware that every service needs.
pub fn with_middleware(routes: Router) -> Router {
    routes
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        // A request passes the layers from the last one to the first.
        .layer(middleware::from_fn(read_body))
        .layer(CatchPanicLayer::custom(handle_panic))
        .layer(middleware::from_fn(request_id))
}

/// Middleware: puts the request id into the request, the log lines, the response header and, if there is one, the problem
/// document.
pub async fn request_id(mut request: Request, next: Next) -> Response {
    let id = client_request_id(request.headers()).unwrap_or_else(|| Uuid::now_v7().to_string());
    let header = HeaderValue::from_str(&id).ok();
    if let Some(id) = &header {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    let span = tracing::info_span!("request", id);
    let mut response = correlation::with(Some(id.clone()), next.run(request)).instrument(span).await;
    write_problem(&mut response, &id);
    if let Some(id) = header {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Writes the body of a response that is a problem.
pub fn write_problem(response: &mut Response, request_id: &str) {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Body::from(problem.document(request_id));
    }
}

/// The request id sent by the client, if it is safe to use in logs and headers.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let safe =
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    safe.then(|| id.to_owned())
}

/// The response for a path that does not exist.
pub async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-route", "No route matches this path")
}

/// The response for a method that the path does not support; axum adds the `Allow` header.
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The path does not support this method",
    )
}

/// The response if a handler panics. The panic hook has already logged the message and the location.
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
    fn a_valid_request_id_is_kept() {
        assert_eq!(sent("Order_17.a-b").as_deref(), Some("Order_17.a-b"));
        assert!(sent(&"x".repeat(64)).is_some());
    }

    #[test]
    fn an_empty_long_or_unsafe_request_id_is_replaced() {
        assert_eq!(sent(""), None);
        assert_eq!(sent(&"x".repeat(65)), None);
        assert_eq!(sent("a b"), None);
        assert_eq!(sent("a\tb"), None);
    }
}
