use std::time::{Duration, Instant};

use contracts::call::TimeLeft;
use reqwest::{Method, StatusCode};
use testbed::wait_for;

use crate::{
    harness::{Gateway, send},
    services::{Reaction, Service, ok},
};

/// A request times out after 600 ms, its first attempt after 150 ms.
const SHORT_TIMEOUTS: [&str; 4] = ["--request-timeout", "600ms", "--attempt-timeout", "150ms"];

#[tokio::test]
async fn without_an_instance_the_response_is_503_at_once() {
    let gateway = Gateway::open(&[]).await;
    let began = Instant::now();
    let refused = gateway.get("/orders").await;
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.body["type"], "/problems/unavailable");
}

#[tokio::test]
async fn only_requests_that_are_safe_to_retry_are_retried_and_only_once() {
    let gateway = Gateway::open(&SHORT_TIMEOUTS).await;
    let orders = Service::start(&gateway.nats, "orders", |_| Reaction::Ignore).await;
    let attempts = async |request: reqwest::RequestBuilder| {
        let (before, began) = (orders.received().len(), Instant::now());
        let response = send(request).await;
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(600) && took < Duration::from_secs(5), "took {took:?}");
        assert_eq!(response.status, StatusCode::GATEWAY_TIMEOUT);
        (orders.received().len() - before, response.body["detail"].as_str().unwrap().to_owned())
    };
    let keyed = |method| gateway.request(method, "/orders").header("idempotency-key", "k");
    let (count, detail) = attempts(gateway.request(Method::GET, "/orders")).await;
    assert!(count == 2 && detail.contains("changes nothing") && !detail.contains("Key"), "{count}: {detail}");
    let (count, detail) = attempts(keyed(Method::POST)).await;
    assert!(count == 2 && detail.contains("retry with the same Idempotency-Key"), "{count}: {detail}");
    for method in [Method::POST, Method::DELETE] {
        let (count, detail) = attempts(gateway.request(method, "/orders")).await;
        assert!(count == 1 && detail.contains("look before you retry"), "{count}: {detail}");
    }
}

/// Users would refuse the second attempt: the address is taken, or the old password is wrong.
#[tokio::test]
async fn a_change_of_an_account_is_not_retried_even_with_a_key() {
    let gateway = Gateway::open(&SHORT_TIMEOUTS).await;
    let users = Service::start(&gateway.nats, "users", |_| Reaction::Ignore).await;
    let registration = gateway.request(Method::POST, "/users").header("idempotency-key", "k").body("{}");
    assert_eq!(send(registration).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(users.received().len(), 1);
}

#[tokio::test]
async fn the_outcome_is_unknown_if_the_second_attempt_finds_the_service_busy() {
    let gateway = Gateway::open(&SHORT_TIMEOUTS).await;
    let busy = || axum::http::Response::builder().status(503).body(bytes::Bytes::new()).unwrap();
    let orders = Service::start(&gateway.nats, "orders", move |before| match before {
        0 => Reaction::Ignore,
        _ => Reaction::Respond(busy()),
    })
    .await;
    let response = send(gateway.request(Method::POST, "/orders").header("idempotency-key", "k")).await;
    assert_eq!(response.status, StatusCode::GATEWAY_TIMEOUT, "503 would mean that nothing was done");
    assert_eq!(orders.received().len(), 2);
}

#[tokio::test]
async fn a_service_that_missed_the_first_attempt_can_answer_the_second() {
    let gateway = Gateway::open(&SHORT_TIMEOUTS).await;
    let orders = Service::start(&gateway.nats, "orders", |before| match before {
        0 => Reaction::Ignore,
        _ => Reaction::Respond(ok("2")),
    })
    .await;
    let response =
        send(gateway.request(Method::POST, "/orders").header("idempotency-key", "k").body("{}")).await;
    assert_eq!((response.status, response.body.as_i64()), (StatusCode::OK, Some(2)));
    let [first, second] = &orders.received()[..] else { panic!("not two attempts") };
    let time_left = [first, second].map(|request| request.extensions().get::<TimeLeft>().unwrap().0);
    assert!(time_left[0] <= Duration::from_millis(600), "{time_left:?}");
    assert!(time_left[1] <= Duration::from_millis(450), "the first attempt took 150 ms: {time_left:?}");
    assert_eq!((first.body(), first.headers()), (second.body(), second.headers()));
}

#[tokio::test]
async fn the_outcome_is_unknown_if_a_service_disappears_after_the_first_attempt() {
    let gateway = Gateway::open(&SHORT_TIMEOUTS).await;
    let orders = Service::start(&gateway.nats, "orders", |_| Reaction::Ignore).await;
    let request = gateway.request(Method::POST, "/orders").header("idempotency-key", "k");
    let pending = tokio::spawn(send(request));
    wait_for("the first attempt", async || (orders.received().len() == 1).then_some(())).await;
    drop(orders);
    let response = pending.await.unwrap();
    assert_eq!(response.status, StatusCode::GATEWAY_TIMEOUT, "503 would mean that nothing was done");
}

#[tokio::test]
async fn while_nats_is_down_the_response_is_503_and_afterwards_requests_succeed() {
    let mut gateway = Gateway::open(&[]).await;
    let _products = Service::named(&gateway.nats, "products").await;
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
    gateway.nats.kill();
    wait_for("the gateway to notice", async || {
        (gateway.get("/health/ready").await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let began = Instant::now();
    assert_eq!(gateway.get("/products").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert_eq!(gateway.get("/health/live").await.status, StatusCode::OK);

    gateway.nats.start_again().await;
    gateway.wait_until_ready().await;
    wait_for("the service to be reachable again", async || {
        (gateway.get("/products").await.status == StatusCode::OK).then_some(())
    })
    .await;
}
