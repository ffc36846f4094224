use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{KEY, Provider, charge_body};

#[tokio::test]
async fn tok_ok_is_charged_the_requested_amount() {
    let provider = Provider::start();
    let (status, charge) = provider.charge(KEY, "tok_ok").await;

    assert_eq!(status, StatusCode::CREATED);
    assert!(charge["id"].as_str().unwrap().starts_with("ch_"));
    assert_eq!(charge["status"], "succeeded");
    assert_eq!(charge["decline_code"], Value::Null);
    assert_eq!(charge["amount"], 1250);
    assert_eq!(charge["currency"], "EUR");
    assert_eq!(charge["reference"], "order-1");
    assert_eq!(provider.ledger().await, [charge]);
}

#[tokio::test]
async fn tok_declined_and_unknown_sources_are_declined_permanently_with_a_code() {
    let provider = Provider::start();
    for (source, code) in [("tok_declined", "card_declined"), ("tok_nobody", "unknown_source")] {
        let (status, charge) = provider.charge(source, source).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(charge["status"], "declined");
        assert_eq!(charge["decline_code"], code);
        assert_eq!(provider.charge(source, source).await.1, charge);
    }
}

#[tokio::test]
async fn tok_slow_responds_after_three_seconds() {
    let provider = Provider::start();
    let start = Instant::now();
    let (_, charge) = provider.charge(KEY, "tok_slow").await;
    assert_eq!(charge["status"], "succeeded");
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn tok_timeout_charges_and_does_not_respond_to_the_first_request() {
    let provider = Provider::start();
    {
        let mut first = std::pin::pin!(provider.charge(KEY, "tok_timeout"));
        while provider.ledger().await.is_empty() {
            let wait = tokio::time::timeout(Duration::from_millis(20), &mut first).await;
            assert!(wait.is_err(), "the first request got a response");
        }
        let (status, second) = provider.charge(KEY, "tok_timeout").await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(provider.ledger().await, [second]);
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut first).await.is_err());
    }
    assert_eq!(provider.ledger().await[0]["status"], "succeeded");
}

#[tokio::test]
async fn tok_flaky_fails_twice_per_key_and_then_charges_once_even_across_a_crash() {
    let mut provider = Provider::start();
    for _ in 0..2 {
        assert_eq!(provider.charge(KEY, "tok_flaky").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert!(provider.ledger().await.is_empty());
        provider.crash_and_restart();
    }
    let (status, charge) = provider.charge(KEY, "tok_flaky").await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(charge["status"], "succeeded");
    assert_eq!(provider.charge("attempt-2", "tok_flaky").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(provider.ledger().await, [charge]);
}

#[tokio::test]
async fn tok_refused_is_rejected_with_402_each_time_and_creates_no_charge() {
    let provider = Provider::start();
    for key in [KEY, KEY, "attempt-2"] {
        let (status, error) = provider.charge(key, "tok_refused").await;
        assert_eq!(status, StatusCode::PAYMENT_REQUIRED);
        assert_eq!(error["error"]["code"], "source_refused");
    }
    assert!(provider.ledger().await.is_empty());
    let find = provider.send(Method::GET, "/v1/charges?reference=order-1", None, None).await.unwrap();
    assert_eq!(find.1["charges"], json!([]));
}

#[tokio::test]
async fn fifty_concurrent_requests_with_one_key_create_one_charge() {
    let provider = std::sync::Arc::new(Provider::start());
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let provider = provider.clone();
        requests.spawn(async move { provider.charge(KEY, "tok_ok").await });
    }
    let responses = requests.join_all().await;
    let ledger = provider.ledger().await;
    assert_eq!(ledger.len(), 1);
    assert!(responses.iter().all(|response| *response == (StatusCode::CREATED, ledger[0].clone())));
}

#[tokio::test]
async fn a_different_body_with_the_same_key_is_rejected() {
    let provider = Provider::start();
    provider.charge(KEY, "tok_ok").await;
    for (field, other) in
        [("amount", json!(1)), ("reference", json!("order-2")), ("source", json!("tok_slow"))]
    {
        let mut body = charge_body("tok_ok");
        body[field] = other;
        let (status, error) =
            provider.send(Method::POST, "/v1/charges", Some(KEY), Some(body)).await.unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(error["error"]["code"], "key_reused");
    }
    assert_eq!(provider.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_request_without_a_key_or_with_an_invalid_body_is_rejected_and_charges_nothing() {
    let provider = Provider::start();
    let post = |key, body| provider.send(Method::POST, "/v1/charges", key, Some(body));

    let (status, error) = post(None, charge_body("tok_ok")).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(error["error"]["code"], "missing_key");

    for (field, invalid) in [
        ("amount", json!(0)),
        ("amount", json!(-5)),
        ("amount", json!(1.5)),
        ("currency", json!("euro")),
        ("source", json!("")),
        ("reference", json!(null)),
        ("surprise", json!(1)),
    ] {
        let mut body = charge_body("tok_ok");
        body[field] = invalid;
        let (status, error) = post(Some(KEY), body).await.unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(error["error"]["code"], "invalid_body");
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
    assert!(provider.ledger().await.is_empty());
}

#[tokio::test]
async fn charges_are_found_by_reference_and_by_key() {
    let provider = Provider::start();
    let (_, declined) = provider.charge("attempt-1", "tok_declined").await;
    let (_, charge) = provider.charge("attempt-2", "tok_ok").await;
    let find = async |query: &str| {
        let path = format!("/v1/charges?{query}");
        provider.send(Method::GET, &path, None, None).await.unwrap()
    };
    assert_eq!(find("reference=order-1").await.1["charges"], json!([declined, charge]));
    assert_eq!(find("idempotency_key=attempt-2").await.1["charges"], json!([charge]));
    assert_eq!(find("reference=order-2").await.1["charges"], json!([]));
    assert_eq!(find("").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn every_confirmed_charge_survives_kill_9_under_load() {
    let mut provider = Provider::start();
    let mut confirmed = Vec::new();
    for round in 0..3 {
        for n in 0..20 {
            confirmed.push(provider.charge(&format!("{round}-{n}"), "tok_ok").await.1);
        }
        {
            // The kill interrupts this request. It may or may not create a charge.
            let key = format!("{round}-interrupted");
            let mut interrupted = std::pin::pin!(provider.charge(&key, "tok_ok"));
            tokio::time::timeout(Duration::from_micros(300), &mut interrupted).await.ok();
        }
        provider.crash_and_restart();
        let ledger = provider.ledger().await;
        assert!(confirmed.iter().all(|charge| ledger.contains(charge)));
        assert!(ledger.len() <= confirmed.len() + round + 1);
    }
}
