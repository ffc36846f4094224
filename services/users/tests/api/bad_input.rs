//! Invalid requests: the service does not rely on the gateway, and always responds.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::{
    call::{self, Authentication, TimeLeft},
    token::JWKS_SUBJECT,
};
use http::{Request, StatusCode};
use serde_json::json;

use crate::harness::Users;

#[tokio::test]
async fn a_malformed_request_gets_a_problem() {
    let users = Users::open().await;
    let anonymous = Authentication(Err("the Authorization header is missing".to_owned()));
    let minute = TimeLeft(Duration::from_mins(1));
    let good = call::request_headers(&Request::get("/users/me").body(()).unwrap(), &anonymous, minute);
    let with = |name: &str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, value);
        headers
    };
    let malformed = [
        HeaderMap::new(),
        with("Shop-Method", "G E T"),
        with("Shop-Target", "not a path"),
        with("Shop-Time-Left", "soon"),
        with("Shop-Caller", "root"),
        with("Shop-Caller", "019317a0-0000-7000-8000-000000000001 root"),
        with("content-type", "\u{1}"),
    ];
    for headers in malformed {
        let response = users.client.send_raw(headers.clone(), Bytes::from_static(b"\xff\x00{")).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(response.headers["content-type"], "application/problem+json", "{headers:?}");
    }
    users.bus.nats.publish(call::subject("users"), "no reply subject".into()).await.unwrap();
    assert_eq!(users.register("ada@example.com").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let users = Users::open().await;
    for broken in [&b"{"[..], b"\xff\xfe", b"nul", b""] {
        let request = Request::post("/users").header("content-type", "application/json");
        let response = users.client.send(request, None, Bytes::from_static(broken)).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        assert_eq!(response.body["status"], 400);
    }
    let huge = Bytes::from(vec![b' '; call::BODY_LIMIT + 1]);
    let huge = users.client.send(Request::post("/users"), None, huge).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    let typeless = users.client.send(Request::post("/users"), None, Bytes::from_static(b"{}")).await;
    assert_eq!(typeless.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let elsewhere = users.client.get("/orders", None).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
    let deleted = users.client.send(Request::delete("/users/me"), None, Bytes::new()).await;
    assert_eq!(deleted.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_invalid_field_is_named() {
    let users = Users::open().await;
    let refused = users.post("/users", json!({"email": "ada", "name": "", "password": "short"})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = refused.body["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["email", "name", "password"]);
}

#[tokio::test]
async fn a_request_for_keys_with_any_payload_is_answered() {
    let users = Users::open().await;
    users.bus.nats.publish(JWKS_SUBJECT, "no reply subject".into()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Unknown", "ignored");
    let garbage = Bytes::from_static(b"\x00\xff");
    let reply = users.bus.nats.request_with_headers(JWKS_SUBJECT, headers, garbage).await.unwrap();
    assert!(!reply.payload.is_empty());
    assert_eq!(users.keys().await.keys.len(), 1);
}
