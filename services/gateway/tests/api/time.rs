use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use testbed::until;

use crate::{
    harness::{Gateway, answer},
    services::{Does, Service, ok},
};

/// A request has 600 ms, of which the first attempt has 150.
const HASTY: [&str; 4] = ["--request-timeout", "600ms", "--attempt-timeout", "150ms"];

#[tokio::test]
async fn where_nobody_is_there_the_answer_is_503_at_once() {
    let gateway = Gateway::open(&[]).await;
    let began = Instant::now();
    let refused = gateway.get("/orders").await;
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(refused.body["type"], "/problems/unavailable");
}

#[tokio::test]
async fn what_can_be_repeated_without_harm_is_repeated_once_and_nothing_else_is() {
    let gateway = Gateway::open(&HASTY).await;
    let orders = Service::start(&gateway.nats, "orders", |_| Does::Nothing).await;
    let asked = async |request: reqwest::RequestBuilder| {
        let (before, began) = (orders.seen().len(), Instant::now());
        let answer = answer(request).await;
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(600) && took < Duration::from_secs(5), "took {took:?}");
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        assert!(answer.body["detail"].as_str().unwrap().contains("outcome is unknown"), "{answer:?}");
        orders.seen().len() - before
    };
    assert_eq!(asked(gateway.request(Method::GET, "/orders")).await, 2);
    assert_eq!(asked(gateway.request(Method::POST, "/orders").header("idempotency-key", "k")).await, 2);
    assert_eq!(asked(gateway.request(Method::POST, "/orders")).await, 1);
    assert_eq!(asked(gateway.request(Method::DELETE, "/orders")).await, 1);
}

#[tokio::test]
async fn who_missed_the_first_attempt_may_answer_the_second() {
    let gateway = Gateway::open(&HASTY).await;
    let orders = Service::start(&gateway.nats, "orders", |before| match before {
        0 => Does::Nothing,
        _ => Does::Answer(ok("2")),
    })
    .await;
    let answer =
        answer(gateway.request(Method::POST, "/orders").header("idempotency-key", "k").body("{}")).await;
    assert_eq!((answer.status, answer.body.as_i64()), (StatusCode::OK, Some(2)));
    let [first, second] = &orders.seen()[..] else { panic!("not asked twice") };
    let deadline =
        |request: &axum::http::Request<_>| *request.extensions().get::<contracts::call::Deadline>().unwrap();
    assert_eq!(deadline(first), deadline(second), "there is one for both");
    assert_eq!((first.body(), first.headers()), (second.body(), second.headers()));
}

#[tokio::test]
async fn who_vanishes_after_the_first_attempt_may_have_done_it() {
    let gateway = Gateway::open(&HASTY).await;
    let orders = Service::start(&gateway.nats, "orders", |_| Does::Nothing).await;
    let request = gateway.request(Method::POST, "/orders").header("idempotency-key", "k");
    let asking = tokio::spawn(answer(request));
    until("the first attempt", async || (orders.seen().len() == 1).then_some(())).await;
    drop(orders);
    let answer = asking.await.unwrap();
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "and not 503, which says that nothing was done");
}

#[tokio::test]
async fn while_nats_is_away_the_answer_is_503_and_when_it_is_back_all_goes_on() {
    let mut gateway = Gateway::open(&[]).await;
    let _products = Service::named(&gateway.nats, "products").await;
    assert_eq!(gateway.get("/products").await.status, StatusCode::OK);
    gateway.nats.kill();
    until("the gateway to notice", async || {
        (gateway.get("/health/ready").await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let began = Instant::now();
    assert_eq!(gateway.get("/products").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert_eq!(gateway.get("/health/live").await.status, StatusCode::OK);

    gateway.nats.start_again().await;
    gateway.until_ready().await;
    until("the service to be back too", async || {
        (gateway.get("/products").await.status == StatusCode::OK).then_some(())
    })
    .await;
}
