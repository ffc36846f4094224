//! Problem documents (RFC 9457): the body of every error response.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The reason why a request failed, for the client. Contains no internal details.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{title}")]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
    errors: Vec<FieldError>,
    /// In seconds. Sent with 429 and 503.
    retry_after: u64,
}

#[derive(Clone, Debug, Serialize)]
struct FieldError {
    field: String,
    message: String,
}

impl Problem {
    /// Creates a problem. `kind` is stable and becomes the type URI: `/problems/{kind}`.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self { status, kind, title, detail: None, errors: Vec::new(), retry_after: 1 }
    }

    /// 500: an internal error, without details.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error")
    }

    /// 403: the operation is for staff.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Only staff may do this")
    }

    /// 429: the client may retry after this time.
    pub fn too_many_requests(title: &'static str, retry_after: Duration) -> Self {
        let seconds = u64::try_from(retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", title);
        Self { retry_after: seconds, ..problem }
    }

    /// Adds a detail that is specific to this request.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// The body of the response. The `request_id` layer writes it, because it knows the id.
    pub(super) fn document(&self, request_id: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            #[serde(skip_serializing_if = "Option::is_none")]
            detail: Option<&'a str>,
            request_id: &'a str,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            errors: &'a [FieldError],
        }
        serde_json::to_vec(&Document {
            r#type: format!("/problems/{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            request_id,
            errors: &self.errors,
        })
        .unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            // The rest of the body is not read, so the connection cannot be used for another request.
            StatusCode::PAYLOAD_TOO_LARGE => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after))
            }
            _ => None,
        };
        response.extensions_mut().insert(self);
        response
    }
}

/// The invalid fields of a request. They are collected, so that the client gets all of them in one response.
#[derive(Debug, Default)]
pub struct Invalid {
    errors: Vec<FieldError>,
}

impl Invalid {
    /// Creates an error with one invalid field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { errors: vec![FieldError { field: field.into(), message: message.into() }] }
    }

    /// Whether no invalid field was found so far.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Returns the value of a field, or adds the error to the collection.
    pub fn check<T>(&mut self, field: impl Into<String>, parsed: Result<T, &'static str>) -> Option<T> {
        parsed.map_err(|message| self.errors.extend(Self::field(field, message).errors)).ok()
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is not valid");
        Self { errors: invalid.errors, ..problem }
    }
}
