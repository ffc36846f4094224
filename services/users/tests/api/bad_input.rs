//! The service does not trust the gateway: whatever comes, it is answered, and the next request is too.

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::{
    call::{self, Authentication, Deadline},
    token::JWKS,
};
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::harness::Users;

#[tokio::test]
async fn what_is_no_request_is_answered_with_a_problem() {
    let users = Users::open().await;
    let nobody = Authentication(Err("there is no Authorization header".to_owned()));
    let soon = Deadline(Timestamp::now() + SignedDuration::from_mins(1));
    let good = call::request_headers(&Request::get("/users/me").body(()).unwrap(), &nobody, soon);
    let with = |name: &str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, value);
        headers
    };
    let strange = [
        HeaderMap::new(),
        with("Shop-Method", "G E T"),
        with("Shop-Target", "not a path"),
        with("Shop-Deadline", "soon"),
        with("Shop-Caller", "root"),
        with("Shop-Caller", "019317a0-0000-7000-8000-000000000001 root"),
        with("content-type", "\u{1}"),
    ];
    for headers in strange {
        let answer = users.client.send_raw(headers.clone(), Bytes::from_static(b"\xff\x00{")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{headers:?}");
    }
    users.bus.nats.publish(call::subject("users"), "nobody waits for an answer".into()).await.unwrap();
    assert_eq!(users.register("ada@example.com").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_no_json_is_refused_here_as_it_is_at_the_gateway() {
    let users = Users::open().await;
    for broken in [&b"{"[..], b"\xff\xfe", b"nul", b""] {
        let request = Request::post("/users").header("content-type", "application/json");
        let answer = users.client.send(request, None, Bytes::from_static(broken)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.body["status"], 400);
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
async fn every_field_that_is_not_valid_is_named() {
    let users = Users::open().await;
    let refused = users.post("/users", json!({"email": "ada", "name": "", "password": "short"})).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = refused.body["errors"].as_array().unwrap();
    let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["email", "name", "password"]);
}

#[tokio::test]
async fn a_question_for_keys_may_say_anything_and_the_next_one_is_answered_too() {
    let users = Users::open().await;
    users.bus.nats.publish(JWKS, "nobody waits for an answer".into()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Strange", "very");
    let garbage = Bytes::from_static(b"\x00\xff");
    let answer = users.bus.nats.request_with_headers(JWKS, headers, garbage).await.unwrap();
    assert!(!answer.payload.is_empty());
    assert_eq!(users.keys().await.keys.len(), 1);
}
