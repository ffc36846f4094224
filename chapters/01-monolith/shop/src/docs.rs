//! The OpenAPI document of the API, and a page that shows it. The page's viewer is part of this binary, so it works without
//! an internet connection.

use axum::{
    Router,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
    response::Html,
    routing::get,
};

const OPENAPI: &str = include_str!("../docs/openapi.yaml");
const PAGE: &str = include_str!("../docs/docs.html");
const VIEWER: &[u8] = include_bytes!("../docs/rapidoc-9.3.8.min.js.gz");

/// The routes of the document and its viewer.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/openapi.yaml", get(([(CONTENT_TYPE, "application/yaml")], OPENAPI)))
        .route("/docs", get(Html(PAGE)))
        .route(
            "/docs/viewer.js",
            get(([(CONTENT_TYPE, "text/javascript"), (CONTENT_ENCODING, "gzip")], VIEWER)),
        )
}
