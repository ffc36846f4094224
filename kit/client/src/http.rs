//! Raw HTTP requests and responses. Nothing is parsed.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

/// A request that is sent unchanged. Nothing is checked or added, so that a test can send an invalid request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded where necessary. It may contain a query string.
    pub path: String,
    /// Query parameters, which are encoded and appended to the path.
    pub query: Vec<(&'static str, String)>,
    /// The headers, in the order in which they are sent.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body. An empty body is not sent.
    pub body: Vec<u8>,
}

impl Request {
    /// Creates a request without query, headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// Creates a GET request without query, headers and body.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates a POST request without query, headers and body.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Appends a query parameter, unless the value is `None`.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a header. A header whose value is not valid in HTTP (for example, a line break) is not added.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.extend(HeaderValue::from_bytes(value.as_ref()).map(|value| (name, value)));
        self
    }

    /// Adds the header `Authorization` with a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, format!("Bearer {token}"))
    }

    /// Adds the header `Idempotency-Key`.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header(HeaderName::from_static("idempotency-key"), key)
    }

    /// Sets the body to these bytes, and the content type to `application/json`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE, "application/json")
    }

    /// Serialises a value to JSON and sets it as the body.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        // Serialisation cannot fail: the bodies in this crate are structs with string keys.
        self.body(serde_json::to_vec(body).unwrap_or_default())
    }
}

/// A complete response, whatever its status.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, or `None` if it is missing or not ASCII. Of several values, the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the shop marked this as the stored response to an earlier request with the same `Idempotency-Key`.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// The header `Retry-After`, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.parse().ok()
    }

    /// The header `Location`: the path of the created resource.
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The header `X-Request-Id`, which identifies the request in the shop's logs.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-request-id")
    }
}

/// A request and its response.
///
/// `Display` writes both in full: a JSON object with one line per field, and only the first characters of a token.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct RoundTrip {
    pub request: Request,
    pub response: Response,
}

impl fmt::Display for RoundTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { method, path, query, headers, body } = &self.request;
        write!(f, "> {method} {path}")?;
        for (index, (name, value)) in query.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if index == 0 { '?' } else { '&' })?;
        }
        writeln!(f)?;
        write_message(f, '>', headers.iter().map(|(name, value)| (name, value)), body)?;
        writeln!(f, "< {}", self.response.status)?;
        write_message(f, '<', &self.response.headers, &self.response.body)
    }
}

fn write_message<'a>(
    f: &mut fmt::Formatter<'_>,
    mark: char,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    body: &[u8],
) -> fmt::Result {
    /// Longer bodies are truncated, because some tests send bodies of several megabytes.
    const MAX_CHARS: usize = 4000;

    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let shown = if *name == AUTHORIZATION {
            value.chars().take(20).chain("…".chars()).collect()
        } else {
            value
        };
        writeln!(f, "{mark} {name}: {shown}")?;
    }
    let text = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => one_line_per_field(&fields),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    for line in text.chars().take(MAX_CHARS).collect::<String>().lines() {
        writeln!(f, "{mark}   {line}")?;
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        writeln!(f, "{mark}   … ({} bytes)", body.len())?;
    }
    Ok(())
}

fn one_line_per_field(fields: &Map<String, Value>) -> String {
    let lines: Vec<_> = fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    format!("{{ {} }}", lines.join(",\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_displayed_in_full_except_for_its_token() {
        let request = Request::post("/orders").query("scope", Some("all")).bearer(&"secret".repeat(9));
        let request = request.key("k-1").json(&serde_json::json!({ "items": [], "note": "x" }));
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        let response =
            Response { status: StatusCode::IM_A_TEAPOT, headers, body: b"short and stout".to_vec() };
        let shown = RoundTrip { request, response }.to_string();
        assert_eq!(
            shown.lines().collect::<Vec<_>>(),
            [
                "> POST /orders?scope=\"all\"",
                "> authorization: Bearer secretsecrets…",
                "> idempotency-key: k-1",
                "> content-type: application/json",
                ">   { \"items\": [],",
                ">     \"note\": \"x\" }",
                "< 418 I'm a teapot",
                "< content-type: text/plain",
                "<   short and stout",
            ]
        );
    }
}
