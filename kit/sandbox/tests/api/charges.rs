use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{KEY, Provider, charge_body};

#[tokio::test]
async fn an_ok_source_is_charged_what_was_asked() {
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
async fn a_declined_and_an_unknown_source_say_why_and_stay_declined() {
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
async fn a_slow_source_answers_after_three_seconds() {
    let provider = Provider::start();
    let start = Instant::now();
    let (_, charge) = provider.charge(KEY, "tok_slow").await;
    assert_eq!(charge["status"], "succeeded");
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn a_timeout_source_charges_and_leaves_only_the_first_request_unanswered() {
    let provider = Provider::start();
    {
        let mut first = std::pin::pin!(provider.charge(KEY, "tok_timeout"));
        while provider.ledger().await.is_empty() {
            let wait = tokio::time::timeout(Duration::from_millis(20), &mut first).await;
            assert!(wait.is_err(), "the first request was answered");
        }
        let (status, second) = provider.charge(KEY, "tok_timeout").await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(provider.ledger().await, [second]);
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut first).await.is_err());
    }
    assert_eq!(provider.ledger().await[0]["status"], "succeeded");
}

#[tokio::test]
async fn a_flaky_source_fails_twice_a_key_then_charges_once_also_across_a_crash() {
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
async fn fifty_requests_with_one_key_at_once_give_one_charge() {
    let provider = std::sync::Arc::new(Provider::start());
    let mut asks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let provider = provider.clone();
        asks.spawn(async move { provider.charge(KEY, "tok_ok").await });
    }
    let answers = asks.join_all().await;
    let ledger = provider.ledger().await;
    assert_eq!(ledger.len(), 1);
    assert!(answers.iter().all(|answer| *answer == (StatusCode::CREATED, ledger[0].clone())));
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let provider = Provider::start();
    provider.charge(KEY, "tok_ok").await;
    for (field, other) in
        [("amount", json!(1)), ("reference", json!("order-2")), ("source", json!("tok_slow"))]
    {
        let mut body = charge_body("tok_ok");
        body[field] = other;
        let (status, refusal) =
            provider.send(Method::POST, "/v1/charges", Some(KEY), Some(body)).await.unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(refusal["error"]["code"], "key_reused");
    }
    assert_eq!(provider.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_request_without_a_key_or_with_a_bad_body_is_refused_and_charges_nothing() {
    let provider = Provider::start();
    let post = |key, body| provider.send(Method::POST, "/v1/charges", key, Some(body));

    let (status, refusal) = post(None, charge_body("tok_ok")).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refusal["error"]["code"], "missing_key");

    for (field, bad) in [
        ("amount", json!(0)),
        ("amount", json!(-5)),
        ("amount", json!(1.5)),
        ("currency", json!("euro")),
        ("source", json!("")),
        ("reference", json!(null)),
        ("surprise", json!(1)),
    ] {
        let mut body = charge_body("tok_ok");
        body[field] = bad;
        let (status, refusal) = post(Some(KEY), body).await.unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert_eq!(refusal["error"]["code"], "invalid_body");
        assert!(!refusal["error"]["message"].as_str().unwrap().is_empty());
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
async fn every_charge_that_was_answered_survives_kill_9_under_load() {
    let mut provider = Provider::start();
    let mut answered = Vec::new();
    for round in 0..3 {
        for n in 0..20 {
            answered.push(provider.charge(&format!("{round}-{n}"), "tok_ok").await.1);
        }
        {
            // One is asked and its answer never awaited: made or not, the ledger stays whole.
            let key = format!("{round}-cut");
            let mut cut = std::pin::pin!(provider.charge(&key, "tok_ok"));
            tokio::time::timeout(Duration::from_micros(300), &mut cut).await.ok();
        }
        provider.crash_and_restart();
        let ledger = provider.ledger().await;
        assert!(answered.iter().all(|charge| ledger.contains(charge)));
        assert!(ledger.len() <= answered.len() + round + 1);
    }
}
