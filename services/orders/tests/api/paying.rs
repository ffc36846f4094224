use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contracts::Command;
use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockBuilder, Request, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use crate::harness::{Orders, history};

/// What the provider answers to a charge that it takes.
pub fn succeeded() -> ResponseTemplate {
    ResponseTemplate::new(201)
        .set_body_json(json!({"id": "ch_1", "status": "succeeded", "decline_code": null}))
}

fn declined() -> ResponseTemplate {
    let body = json!({"id": "ch_0", "status": "declined", "decline_code": "insufficient_funds"});
    ResponseTemplate::new(201).set_body_json(body)
}

fn refunded() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"id": "re_1", "amount": 2500}))
}

/// So long does orders wait for an answer where a test needs that it does not come.
pub const IMPATIENT: [&str; 2] = ["--payment-timeout", "300ms"];

/// Longer than that.
pub fn too_late(answer: ResponseTemplate) -> ResponseTemplate {
    answer.set_delay(Duration::from_mins(1))
}

pub async fn answers_to_charges(orders: &Orders, answers: Vec<ResponseTemplate>) {
    answers_to(orders, Mock::given(method("POST")).and(path("/v1/charges")), answers).await;
}

async fn answers_to_refunds(orders: &Orders, answers: Vec<ResponseTemplate>) {
    let refunds = Mock::given(method("POST")).and(path_regex("^/v1/charges/.*/refunds$"));
    answers_to(orders, refunds, answers).await;
}

/// Answers one after another; the last one for ever.
async fn answers_to(orders: &Orders, requests: MockBuilder, answers: Vec<ResponseTemplate>) {
    let asked = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        answers[nth.min(answers.len() - 1)].clone()
    };
    requests.respond_with(answer).mount(&orders.provider).await;
}

/// The keys and bodies of what the provider was asked.
pub async fn asked(orders: &Orders) -> Vec<(String, Value)> {
    let requests = orders.provider.received_requests().await.unwrap();
    let key = |request: &Request| request.headers["idempotency-key"].to_str().unwrap().to_owned();
    requests.iter().map(|request| (key(request), request.body_json().unwrap())).collect()
}

#[tokio::test]
async fn a_paid_order_has_captured_its_total_and_asks_to_sell_its_stock() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    let paying = orders.pay(order).await;
    assert_eq!((paying.status, &paying.body["status"]), (StatusCode::ACCEPTED, &json!("paying")));
    let paid = orders.until(order, "paid").await;
    assert_eq!(paid["payment"]["captured"]["amount"], 2500);
    let [_hold, sell] = orders.until_asked(order, 2).await.try_into().unwrap();
    assert_eq!(sell.message, Command::Sell);
    let [(_, charge)] = asked(&orders).await.try_into().unwrap();
    assert_eq!(charge, json!({"amount": 2500, "currency": "EUR", "source": "tok_ok", "reference": order}));
}

#[tokio::test]
async fn a_decline_leaves_the_stock_held_and_the_next_attempt_has_a_new_key() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![declined(), succeeded()]).await;
    orders.pay(order).await;
    let declined = orders.until(order, "awaiting_payment").await;
    assert_eq!(declined["payment"]["decline_code"], "insufficient_funds");
    assert_eq!(orders.asked(order).await.len(), 1, "nothing but the hold");

    assert_eq!(orders.pay(order).await.body["payment"]["decline_code"], Value::Null);
    let paid = orders.until(order, "paid").await;
    assert_eq!(
        history(&paid),
        ["pending", "awaiting_payment", "paying", "awaiting_payment", "paying", "paid"]
    );
    let [(first, _), (second, _)] = asked(&orders).await.try_into().unwrap();
    assert_ne!(first, second);
}

/// No answer, an error, an answer in another language: none of it says whether the money was taken.
#[tokio::test]
async fn what_is_not_an_answer_is_asked_again_under_the_same_key() {
    let unclear = [
        too_late(succeeded()),
        ResponseTemplate::new(500),
        ResponseTemplate::new(429),
        ResponseTemplate::new(404),
        ResponseTemplate::new(201).set_body_string("<html>welcome</html>"),
        ResponseTemplate::new(201).set_body_json(json!({"status": "perhaps"})),
    ];
    let orders = Orders::open_with(&IMPATIENT).await;
    for unclear in unclear {
        orders.provider.reset().await;
        let order = orders.place_and_hold().await;
        answers_to_charges(&orders, vec![unclear, succeeded()]).await;
        orders.pay(order).await;
        let paid = orders.until(order, "paid").await;
        assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
        let asked = asked(&orders).await;
        assert!(asked.len() > 1 && asked.iter().all(|ask| *ask == asked[0]), "{asked:?}");
    }
}

#[tokio::test]
async fn one_key_is_one_payment() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    let path = format!("/orders/{order}/payment");
    let pay = || orders.post_keyed(&path, orders.customer, "pay-1", json!({"source": "tok_ok"}));
    let first = pay().await;
    orders.until(order, "paid").await;
    let again = pay().await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (StatusCode::ACCEPTED, &json!("paying")),
        "as first sent"
    );
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(asked(&orders).await.len(), 1);
}

#[tokio::test]
async fn a_declined_order_expires_like_any_other() {
    let orders = Orders::open_with(&["--order-ttl", "2s"]).await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![declined()]).await;
    orders.pay(order).await;
    let expired = orders.until(order, "cancelled").await;
    assert_eq!(history(&expired)[2..], ["paying", "awaiting_payment", "cancelled"]);
    assert_eq!(expired["reason"], "expired");
    assert_eq!(orders.until_asked(order, 2).await[1].message, Command::Release);
}

#[tokio::test]
async fn an_order_cannot_be_cancelled_and_does_not_expire_while_its_payment_is_unknown() {
    let orders = Orders::open_with(&["--payment-timeout", "300ms", "--order-ttl", "1s"]).await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![too_late(succeeded())]).await;
    let expires_at = orders.pay(order).await.body["expires_at"].as_str().unwrap().parse().unwrap();
    let refused = orders.cancel(order).await;
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (StatusCode::CONFLICT, &json!("the order is paying"))
    );
    let asks = async || (chassis::db::now() > expires_at && asked(&orders).await.len() > 1).then_some(());
    testbed::until("the provider to be asked again, after the order has expired", asks).await;
    assert_eq!(orders.read(order).await["status"], "paying");
}

#[tokio::test]
async fn a_cancelled_payment_comes_back_and_then_the_stock() {
    let orders = Orders::open_with(&IMPATIENT).await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    answers_to_refunds(&orders, vec![too_late(refunded()), ResponseTemplate::new(503), refunded()]).await;
    orders.pay(order).await;
    orders.until(order, "paid").await;

    let cancellation = format!("/orders/{order}/cancellation");
    let refunding = orders.post(&cancellation, orders.staff, json!({})).await;
    assert_eq!((refunding.status, &refunding.body["status"]), (StatusCode::ACCEPTED, &json!("refunding")));
    assert_eq!(orders.asked(order).await.last().unwrap().message, Command::Sell, "the money first");
    let cancelled = orders.until(order, "cancelled").await;
    assert_eq!(cancelled["payment"]["refunded"]["amount"], 2500);
    assert_eq!(cancelled["reason"], "customer_request");
    assert_eq!(orders.until_asked(order, 3).await[2].message, Command::Release);
    let mut asked = asked(&orders).await;
    asked.retain(|(_, body)| body.get("source").is_none());
    assert!(
        asked.len() > 2 && asked.iter().all(|ask| *ask == asked[0]),
        "one refund, asked again: {asked:?}"
    );
}

#[tokio::test]
async fn a_paid_order_is_shipped_and_delivered_by_staff_and_then_final() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    let step = async |step: &str, caller| {
        orders.post(&format!("/orders/{order}/{step}"), caller, json!({})).await.status
    };
    assert_eq!(step("shipment", orders.staff).await, StatusCode::CONFLICT, "not paid");
    orders.pay(order).await;
    orders.until(order, "paid").await;
    assert_eq!(step("shipment", orders.customer).await, StatusCode::FORBIDDEN);
    assert_eq!(step("delivery", orders.staff).await, StatusCode::CONFLICT, "not shipped");
    for path in ["shipment", "shipment", "delivery", "delivery"] {
        assert_eq!(step(path, orders.staff).await, StatusCode::OK);
    }
    assert_eq!(step("cancellation", orders.customer).await, StatusCode::CONFLICT);
    assert_eq!(history(&orders.read(order).await)[2..], ["paying", "paid", "shipped", "delivered"]);
}

#[tokio::test]
async fn of_six_payments_at_once_one_is_made() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    let paid = join_all((0..6).map(|_| orders.pay(order))).await;
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 1);
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count(), 5);
    orders.until(order, "paid").await;
    assert_eq!(asked(&orders).await.len(), 1);
}
