//! A request of the public API as a NATS message, from the gateway to the service that owns the path, and the response.
//!
//! The body is the payload, unchanged; everything else is in headers. So the gateway depends on no schema.

use std::str::FromStr;

use async_nats::HeaderMap;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;

use crate::caller::{Caller, UserId};

/// The subject on which a service receives requests of the public API.
pub fn subject(service: &str) -> String {
    format!("http.{service}")
}

/// The maximum size of a request body, in bytes. The largest valid body fits: a product with every character escaped.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The caller that a valid token identifies, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication(pub Result<Caller, String>);

/// When the gateway stops waiting for the response. A service drops a request that it receives later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Timestamp);

/// Why a message is not a valid request or response.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// A header is missing.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A header is not valid.
    #[error("the header {0} is not valid")]
    Invalid(&'static str),
}

const METHOD: &str = "Shop-Method";
const TARGET: &str = "Shop-Target";
const CALLER: &str = "Shop-Caller";
const NO_CALLER: &str = "Shop-No-Caller";
const DEADLINE: &str = "Shop-Deadline";
const STATUS: &str = "Shop-Status";
/// The body of an error response. NATS's service API sends an error without a payload, so the body travels in this
/// header.
pub const ERROR_BODY: &str = "Shop-Error-Body";

/// The client's headers that the gateway passes on to a service.
const FORWARDED: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-request-id"),
];

/// Encodes everything but the body of a request as headers.
pub fn request_headers<B>(request: &Request<B>, caller: &Authentication, deadline: Deadline) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(METHOD, request.method().as_str());
    headers.insert(TARGET, request.uri().path_and_query().map_or("/", |target| target.as_str()));
    headers.insert(DEADLINE, deadline.0.to_string());
    match &caller.0 {
        Ok(caller) => headers.insert(CALLER, format!("{} {}", caller.id.0, caller.role)),
        Err(reason) => headers.insert(NO_CALLER, reason.as_str()),
    }
    for name in FORWARDED {
        // A value that is not text is passed on as an empty one, which the service that reads the header refuses.
        if let Some(value) = request.headers().get(&name) {
            headers.insert(name.as_str(), value.to_str().unwrap_or_default());
        }
    }
    headers
}

/// Parses a request from headers and payload. Its extensions contain the [`Authentication`] and the [`Deadline`].
pub fn parse_request(headers: &HeaderMap, payload: Bytes) -> Result<Request<Bytes>, Malformed> {
    let mut request = Request::new(payload);
    *request.method_mut() = parse(headers, METHOD)?;
    *request.uri_mut() = parse(headers, TARGET)?;
    let caller = match headers.get(CALLER) {
        Some(caller) => Ok(parse_caller(caller.as_str()).ok_or(Malformed::Invalid(CALLER))?),
        None => Err(headers.get(NO_CALLER).ok_or(Malformed::Missing(CALLER))?.to_string()),
    };
    request.extensions_mut().insert(Authentication(caller));
    request.extensions_mut().insert(Deadline(parse(headers, DEADLINE)?));
    for name in FORWARDED {
        if let Some(value) = headers.get(name.as_str()) {
            let value =
                value.as_str().parse().map_err(|_| Malformed::Invalid("forwarded from the client"))?;
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

/// Encodes everything but the body of a response as headers.
pub fn response_headers<B>(response: &Response<B>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, response.status().as_str());
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str(), value);
        }
    }
    headers
}

/// Parses a response from headers and payload.
pub fn parse_response(headers: &HeaderMap, payload: Bytes) -> Result<Response<Bytes>, Malformed> {
    let mut response = Response::new(match headers.get(ERROR_BODY) {
        Some(body) => Bytes::copy_from_slice(body.as_str().as_bytes()),
        None => payload,
    });
    *response.status_mut() = parse::<StatusCode>(headers, STATUS)?;
    for (name, values) in headers.iter() {
        let name = name.to_string();
        let ours = [STATUS, ERROR_BODY].contains(&name.as_str()) || name.starts_with("Nats-");
        if let (false, Ok(name), Some(value)) = (ours, name.parse::<HeaderName>(), values.first()) {
            let value: HeaderValue =
                value.as_str().parse().map_err(|_| Malformed::Invalid("of the response"))?;
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn parse<T: FromStr>(headers: &HeaderMap, name: &'static str) -> Result<T, Malformed> {
    let value = headers.get(name).ok_or(Malformed::Missing(name))?;
    value.as_str().parse().map_err(|_| Malformed::Invalid(name))
}

fn parse_caller(text: &str) -> Option<Caller> {
    let (id, role) = text.split_once(' ')?;
    Some(Caller { id: UserId(id.parse().ok()?), role: role.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::caller::Role;

    fn pay() -> Request<()> {
        Request::post("/orders/7/payment?now=1")
            .header("idempotency-key", "pay-1")
            .header("content-type", "application/json")
            .header("x-request-id", "r-1")
            .header("cookie", "not forwarded")
            .body(())
            .unwrap()
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let caller = Authentication(Ok(Caller { id: UserId(Uuid::now_v7()), role: Role::Staff }));
        let deadline = Deadline("2026-11-22T10:00:00.000001Z".parse().unwrap());
        let headers = request_headers(&pay(), &caller, deadline);
        let arrived = parse_request(&headers, Bytes::from_static(b"{}")).unwrap();
        assert_eq!((arrived.method().as_str(), arrived.uri().to_string()), ("POST", pay().uri().to_string()));
        assert_eq!(arrived.headers()["idempotency-key"], "pay-1");
        assert_eq!(arrived.headers().len(), 3);
        assert_eq!(arrived.extensions().get(), Some(&caller));
        assert_eq!(arrived.extensions().get(), Some(&deadline));
        assert_eq!(arrived.into_body(), "{}");
    }

    #[test]
    fn a_request_without_a_caller_carries_the_reason() {
        let anonymous = Authentication(Err("the token has expired".to_owned()));
        let headers = request_headers(&pay(), &anonymous, Deadline(Timestamp::now()));
        assert_eq!(parse_request(&headers, Bytes::new()).unwrap().extensions().get(), Some(&anonymous));
    }

    #[test]
    fn an_invalid_request_is_refused() {
        let caller = Authentication(Ok(Caller { id: UserId(Uuid::now_v7()), role: Role::Customer }));
        let good = request_headers(&pay(), &caller, Deadline(Timestamp::now()));
        let bad = [
            (METHOD, "P O S T"),
            (TARGET, "/a b"),
            (DEADLINE, "soon"),
            (CALLER, "somebody"),
            (CALLER, "019317a0-0000-7000-8000-000000000001 king"),
        ];
        for (name, value) in bad {
            let mut headers = good.clone();
            headers.insert(name, value);
            assert!(parse_request(&headers, Bytes::new()).is_err(), "{name}: {value}");
        }
        assert!(parse_request(&HeaderMap::new(), Bytes::new()).is_err());
    }

    #[test]
    fn a_response_arrives_as_it_was_sent() {
        let sent = Response::builder().status(201).header("location", "/orders/7").body(()).unwrap();
        let arrived = parse_response(&response_headers(&sent), Bytes::from_static(b"[]")).unwrap();
        assert_eq!(
            (arrived.status(), &arrived.headers()["location"]),
            (sent.status(), &sent.headers()["location"])
        );
        assert_eq!(arrived.headers().len(), 1);
        assert_eq!(arrived.into_body(), "[]");
    }

    #[test]
    fn the_body_of_an_error_response_is_read_from_its_header() {
        let mut headers = response_headers(&Response::builder().status(503).body(()).unwrap());
        headers.insert(ERROR_BODY, "{\"status\":503}");
        headers.insert(async_nats::service::NATS_SERVICE_ERROR_CODE, "503");
        let arrived = parse_response(&headers, Bytes::new()).unwrap();
        assert!(arrived.headers().is_empty());
        assert_eq!(arrived.into_body(), "{\"status\":503}");
    }
}
