use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{KEY, Provider};

#[tokio::test]
async fn a_provider_that_is_down_charges_nothing_but_its_ledger_can_be_read() {
    let provider = Provider::start();
    provider.control(json!({ "down": true })).await;
    assert_eq!(provider.charge(KEY, "tok_ok").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(provider.ledger().await.is_empty());

    provider.control(json!({ "down": false })).await;
    assert_eq!(provider.charge(KEY, "tok_ok").await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn an_error_rate_of_one_fails_every_request_and_of_a_half_fails_some() {
    let provider = Provider::start();
    provider.control(json!({ "error_rate": 1 })).await;
    assert_eq!(provider.charge(KEY, "tok_ok").await.0, StatusCode::SERVICE_UNAVAILABLE);

    provider.control(json!({ "error_rate": 0.5 })).await;
    let mut charged = 0;
    for n in 0..100 {
        charged += i32::from(provider.charge(&n.to_string(), "tok_ok").await.0 == StatusCode::CREATED);
    }
    assert!((1..100).contains(&charged), "{charged} of 100 were charged");
}

#[tokio::test]
async fn the_latency_delays_every_request() {
    let provider = Provider::start();
    provider.control(json!({ "latency_ms": 150 })).await;
    let start = Instant::now();
    provider.charge(KEY, "tok_ok").await;
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_change_keeps_the_other_settings() {
    let provider = Provider::start();
    provider.control(json!({ "latency_ms": 5 })).await;
    let after = json!({ "latency_ms": 5, "error_rate": 0.25, "down": false });
    assert_eq!(provider.control(json!({ "error_rate": 0.25 })).await, (StatusCode::OK, after.clone()));
    let read = provider.send(Method::GET, "/control", None, None).await.unwrap();
    assert_eq!(read, (StatusCode::OK, after));
}

#[tokio::test]
async fn a_value_out_of_range_is_rejected() {
    let provider = Provider::start();
    for invalid in [json!({ "error_rate": 1.5 }), json!({ "latency_ms": 600_001 }), json!({ "up": true })] {
        assert_eq!(provider.control(invalid).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
}
