//! HTTP as bytes: what is sent, what comes back, and nothing parsed.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

/// A request to send as it is. Nothing is checked or added, so that a test can send nonsense.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded where it must be; a query may follow.
    pub path: String,
    /// Query parameters to encode and append.
    pub query: Vec<(&'static str, String)>,
    /// The headers, in order.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty means none.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without query, headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// A request without query, headers and body, by GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A request without query, headers and body, by POST.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// Appends a query parameter, if it has a value.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a header. A value that HTTP cannot carry (a line break, say) is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.extend(HeaderValue::from_bytes(value.as_ref()).map(|value| (name, value)));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, format!("Bearer {token}"))
    }

    /// Adds an Idempotency-Key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header(HeaderName::from_static("idempotency-key"), key)
    }

    /// Sets the body to these bytes and says that they are JSON.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE, "application/json")
    }

    /// Sets the body to this value as JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        // The bodies of this crate are structs with string keys: they always serialise.
        self.body(serde_json::to_vec(body).unwrap_or_default())
    }
}

/// What came back, whatever it was.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether this is the stored answer to an earlier request with the same Idempotency-Key.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// Seconds after which to ask again.
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.parse().ok()
    }

    /// The path of what was made.
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The request's name in the shop's logs.
    pub fn request_id(&self) -> Option<&str> {
        self.header("x-request-id")
    }
}

/// A request and the answer to it. Displays as both in full: of JSON a line a field, of tokens the beginning.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Exchange {
    pub request: Request,
    pub answer: Answer,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { method, path, query, headers, body } = &self.request;
        write!(f, "> {method} {path}")?;
        for (place, (name, value)) in query.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if place == 0 { '?' } else { '&' })?;
        }
        writeln!(f)?;
        show(f, '>', headers.iter().map(|(name, value)| (name, value)), body)?;
        writeln!(f, "< {}", self.answer.status)?;
        show(f, '<', &self.answer.headers, &self.answer.body)
    }
}

fn show<'a>(
    f: &mut fmt::Formatter<'_>,
    mark: char,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    body: &[u8],
) -> fmt::Result {
    /// Longer bodies are cut: the huge ones are sent on purpose.
    const SHOWN: usize = 4000;

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
        Ok(Value::Object(fields)) => a_line_each(&fields),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    for line in text.chars().take(SHOWN).collect::<String>().lines() {
        writeln!(f, "{mark}   {line}")?;
    }
    if text.chars().nth(SHOWN).is_some() {
        writeln!(f, "{mark}   … ({} bytes)", body.len())?;
    }
    Ok(())
}

fn a_line_each(fields: &Map<String, Value>) -> String {
    let lines: Vec<_> = fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    format!("{{ {} }}", lines.join(",\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_shown_in_full_but_for_its_token() {
        let request = Request::post("/orders").query("scope", Some("all")).bearer(&"secret".repeat(9));
        let request = request.key("k-1").json(&serde_json::json!({ "items": [], "note": "x" }));
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        let answer = Answer { status: StatusCode::IM_A_TEAPOT, headers, body: b"short and stout".to_vec() };
        let shown = Exchange { request, answer }.to_string();
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
