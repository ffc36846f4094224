//! A request of the public API as a NATS message, from the gateway to the service that owns the path, and the response.
//!
//! The body is the payload, unchanged; everything else is in headers. So the gateway depends on no schema.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

use async_nats::HeaderMap;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};

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

/// The network address of the client, as the gateway sees it. It is unspecified if the gateway did not send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How long the gateway still waits for the response, in whole milliseconds. The service counts from the arrival of the
/// request, and drops the request when the time is over.
///
/// It is a duration because the clocks of two machines differ: with a point in time, a service whose clock is a few seconds
/// ahead would drop every request. The price is that the time in the buffers of NATS and of the client library is not
/// counted. A service that was frozen may therefore carry out a request that the gateway answered 504 long ago, which
/// is why 504 means that the outcome is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeLeft(pub Duration);

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
const PEER: &str = "Shop-Peer";
const TIME_LEFT: &str = "Shop-Time-Left";
const STATUS: &str = "Shop-Status";

/// The client's headers that the gateway passes on to a service.
const FORWARDED: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-request-id"),
];

const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// Encodes everything but the body of a request as headers. The [`Peer`] is an extension of the request.
pub fn request_headers<B>(request: &Request<B>, caller: &Authentication, time: TimeLeft) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(METHOD, request.method().as_str());
    headers.insert(TARGET, request.uri().path_and_query().map_or("/", |target| target.as_str()));
    headers.insert(TIME_LEFT, time.0.as_millis().to_string());
    match &caller.0 {
        Ok(caller) => headers.insert(CALLER, format!("{} {}", caller.id.0, caller.role)),
        Err(reason) => headers.insert(NO_CALLER, reason.as_str()),
    }
    if let Some(Peer(address)) = request.extensions().get() {
        headers.insert(PEER, address.to_string());
    }
    for name in FORWARDED {
        // A value that is not text is passed on as an empty one, which the service that reads the header refuses.
        for value in request.headers().get_all(&name) {
            headers.append(name.as_str(), value.to_str().unwrap_or_default());
        }
    }
    headers
}

/// Parses a request from headers and payload. Its extensions contain the [`Authentication`], the [`TimeLeft`] and the
/// [`Peer`].
pub fn parse_request(headers: &HeaderMap, payload: Bytes) -> Result<Request<Bytes>, Malformed> {
    let mut request = Request::new(payload);
    *request.method_mut() = parse(headers, METHOD)?;
    *request.uri_mut() = parse(headers, TARGET)?;
    let caller = match headers.get(CALLER) {
        Some(caller) => Ok(parse_caller(caller.as_str()).ok_or(Malformed::Invalid(CALLER))?),
        None => Err(headers.get(NO_CALLER).ok_or(Malformed::Missing(CALLER))?.to_string()),
    };
    request.extensions_mut().insert(Authentication(caller));
    request.extensions_mut().insert(TimeLeft(Duration::from_millis(parse(headers, TIME_LEFT)?)));
    let unspecified = Ok(Ipv6Addr::UNSPECIFIED.into());
    request.extensions_mut().insert(Peer(headers.get(PEER).map_or(unspecified, |_| parse(headers, PEER))?));
    for name in FORWARDED {
        for value in headers.get_all(name.as_str()) {
            let value =
                value.as_str().parse().map_err(|_| Malformed::Invalid("forwarded from the client"))?;
            request.headers_mut().append(&name, value);
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
            headers.append(name.as_str(), value);
        }
    }
    headers
}

/// Parses a response from headers and payload. Headers that describe a connection are left out: the response is sent over
/// another one.
pub fn parse_response(headers: &HeaderMap, payload: Bytes) -> Result<Response<Bytes>, Malformed> {
    let mut response = Response::new(payload);
    *response.status_mut() = parse::<StatusCode>(headers, STATUS)?;
    for (name, values) in headers.iter() {
        let name = name.to_string();
        let Some(name) = name.parse::<HeaderName>().ok().filter(|_| name != STATUS) else { continue };
        for value in values {
            let value: HeaderValue =
                value.as_str().parse().map_err(|_| Malformed::Invalid("of the response"))?;
            response.headers_mut().append(&name, value);
        }
    }
    remove_hop_by_hop(response.headers_mut());
    Ok(response)
}

/// Removes the headers that are for the other end of a connection only: those of RFC 9110, section 7.6.1, and those that
/// `Connection` names.
fn remove_hop_by_hop(headers: &mut http::HeaderMap) {
    let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = named.flat_map(|names| names.split(',')).map(|name| name.trim().to_owned()).collect();
    for name in named.iter().map(String::as_str).chain(HOP_BY_HOP) {
        headers.remove(name);
    }
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
            .extension(Peer("192.0.2.1".parse().unwrap()))
            .body(())
            .unwrap()
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let caller = Authentication(Ok(Caller { id: UserId(Uuid::now_v7()), role: Role::Staff }));
        let time = TimeLeft(Duration::from_millis(7999));
        let headers = request_headers(&pay(), &caller, time);
        let arrived = parse_request(&headers, Bytes::from_static(b"{}")).unwrap();
        assert_eq!((arrived.method().as_str(), arrived.uri().to_string()), ("POST", pay().uri().to_string()));
        assert_eq!(arrived.headers()["idempotency-key"], "pay-1");
        assert_eq!(arrived.headers().len(), 3);
        assert_eq!(arrived.extensions().get(), Some(&caller));
        assert_eq!(arrived.extensions().get(), Some(&time));
        assert_eq!(arrived.extensions().get(), pay().extensions().get::<Peer>());
        assert_eq!(arrived.into_body(), "{}");
    }

    #[test]
    fn a_request_without_a_caller_carries_the_reason() {
        let anonymous = Authentication(Err("the token has expired".to_owned()));
        let headers = request_headers(&pay(), &anonymous, TimeLeft::default());
        assert_eq!(parse_request(&headers, Bytes::new()).unwrap().extensions().get(), Some(&anonymous));
    }

    #[test]
    fn an_invalid_request_is_refused() {
        let caller = Authentication(Ok(Caller { id: UserId(Uuid::now_v7()), role: Role::Customer }));
        let good = request_headers(&pay(), &caller, TimeLeft::default());
        let bad = [
            (METHOD, "P O S T"),
            (TARGET, "/a b"),
            (TIME_LEFT, "soon"),
            (TIME_LEFT, "-1"),
            (TIME_LEFT, "2026-11-22T10:00:00Z"),
            (PEER, "somewhere"),
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
    fn every_value_of_a_header_arrives() {
        let sent =
            Response::builder().header("set-cookie", "a=1").header("set-cookie", "b=2").body(()).unwrap();
        let arrived = parse_response(&response_headers(&sent), Bytes::new()).unwrap();
        assert_eq!(arrived.headers(), sent.headers());

        let mut sent = pay();
        sent.headers_mut().append("idempotency-key", HeaderValue::from_static("pay-2"));
        let anonymous = Authentication(Err("no token".to_owned()));
        let headers = request_headers(&sent, &anonymous, TimeLeft::default());
        let arrived = parse_request(&headers, Bytes::new()).unwrap();
        let keys: Vec<_> = arrived.headers().get_all("idempotency-key").iter().collect();
        assert_eq!(keys, ["pay-1", "pay-2"]);
    }

    #[test]
    fn a_header_that_describes_a_connection_does_not_arrive() {
        let sent = Response::builder()
            .header("connection", "close, X-Hop")
            .header("connection", "upgrade")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .header("upgrade", "h2c")
            .header("x-hop", "1")
            .header("x-mood", "good")
            .body(())
            .unwrap();
        let arrived = parse_response(&response_headers(&sent), Bytes::new()).unwrap();
        let names: Vec<_> = arrived.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-mood"]);
    }

    /// The clocks of two machines differ, so a request contains no time of day.
    #[test]
    fn a_request_on_the_wire_is_as_documented() {
        let caller = "019317a0-0000-7000-8000-000000000001";
        let ada = Authentication(Ok(Caller { id: UserId(caller.parse().unwrap()), role: Role::Customer }));
        let headers = request_headers(&pay(), &ada, TimeLeft(Duration::from_micros(7_999_999)));
        let mut lines: Vec<_> = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {value}")))
            .collect();
        lines.sort();
        let expected = [
            "Shop-Caller: 019317a0-0000-7000-8000-000000000001 customer",
            "Shop-Method: POST",
            "Shop-Peer: 192.0.2.1",
            "Shop-Target: /orders/7/payment?now=1",
            "Shop-Time-Left: 7999",
            "content-type: application/json",
            "idempotency-key: pay-1",
            "x-request-id: r-1",
        ];
        assert_eq!(lines, expected);
    }
}
