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

/// The provider's response to a charge that succeeds.
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

/// A short timeout, for tests in which the response does not arrive in time.
pub const SHORT_TIMEOUT: [&str; 2] = ["--payment-timeout", "300ms"];

/// A response that arrives after that timeout.
pub fn delayed(response: ResponseTemplate) -> ResponseTemplate {
    response.set_delay(Duration::from_mins(1))
}

pub async fn mock_charges(orders: &Orders, responses: Vec<ResponseTemplate>) {
    mock(orders, Mock::given(method("POST")).and(path("/v1/charges")), responses).await;
}

async fn mock_refunds(orders: &Orders, responses: Vec<ResponseTemplate>) {
    let refunds = Mock::given(method("POST")).and(path_regex("^/v1/charges/.*/refunds$"));
    mock(orders, refunds, responses).await;
}

/// Returns the responses one after another, and then always the last one.
async fn mock(orders: &Orders, requests: MockBuilder, responses: Vec<ResponseTemplate>) {
    let count = AtomicUsize::new(0);
    let response = move |_: &Request| {
        let nth = count.fetch_add(1, Ordering::Relaxed);
        responses[nth.min(responses.len() - 1)].clone()
    };
    requests.respond_with(response).mount(&orders.provider).await;
}

/// The keys and bodies of the requests that the provider received.
pub async fn provider_requests(orders: &Orders) -> Vec<(String, Value)> {
    let requests = orders.provider.received_requests().await.unwrap();
    let key = |request: &Request| request.headers["idempotency-key"].to_str().unwrap().to_owned();
    requests.iter().map(|request| (key(request), request.body_json().unwrap())).collect()
}

#[tokio::test]
async fn a_paid_order_has_captured_its_total_and_requests_the_sale_of_its_stock() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![succeeded()]).await;
    let paying = orders.pay(order).await;
    assert_eq!((paying.status, &paying.body["status"]), (StatusCode::ACCEPTED, &json!("paying")));
    let paid = orders.wait_for_status(order, "paid").await;
    assert_eq!(paid["payment"]["captured"]["amount"], 2500);
    let [_hold, sell] = orders.wait_for_commands(order, 2).await.try_into().unwrap();
    assert_eq!(sell.message, Command::Sell);
    let [(_, charge)] = provider_requests(&orders).await.try_into().unwrap();
    assert_eq!(charge, json!({"amount": 2500, "currency": "EUR", "source": "tok_ok", "reference": order}));
}

#[tokio::test]
async fn a_decline_leaves_the_stock_held_and_the_next_attempt_has_a_new_key() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![declined(), succeeded()]).await;
    orders.pay(order).await;
    let declined = orders.wait_for_status(order, "awaiting_payment").await;
    assert_eq!(declined["payment"]["decline_code"], "insufficient_funds");
    assert_eq!(orders.commands(order).await.len(), 1, "only the hold");

    assert_eq!(orders.pay(order).await.body["payment"]["decline_code"], Value::Null);
    let paid = orders.wait_for_status(order, "paid").await;
    assert_eq!(
        history(&paid),
        ["pending", "awaiting_payment", "paying", "awaiting_payment", "paying", "paid"]
    );
    let [(first, _), (second, _)] = provider_requests(&orders).await.try_into().unwrap();
    assert_ne!(first, second);
}

/// A timeout, an error status, a body that cannot be parsed: none of them says whether the money was taken.
#[tokio::test]
async fn an_unclear_response_is_retried_with_the_same_key() {
    let unclear = [
        delayed(succeeded()),
        ResponseTemplate::new(500),
        ResponseTemplate::new(429),
        ResponseTemplate::new(404),
        ResponseTemplate::new(201).set_body_string("<html>welcome</html>"),
        ResponseTemplate::new(201).set_body_json(json!({"status": "perhaps"})),
    ];
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    for unclear in unclear {
        orders.provider.reset().await;
        let order = orders.place_and_hold().await;
        mock_charges(&orders, vec![unclear, succeeded()]).await;
        orders.pay(order).await;
        let paid = orders.wait_for_status(order, "paid").await;
        assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
        let requests = provider_requests(&orders).await;
        assert!(requests.len() > 1 && requests.iter().all(|request| *request == requests[0]), "{requests:?}");
    }
}

#[tokio::test]
async fn one_key_is_one_payment() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![succeeded()]).await;
    let path = format!("/orders/{order}/payment");
    let pay = || orders.post_keyed(&path, orders.customer, "pay-1", json!({"source": "tok_ok"}));
    let first = pay().await;
    orders.wait_for_status(order, "paid").await;
    let again = pay().await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (StatusCode::ACCEPTED, &json!("paying")),
        "as first sent"
    );
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(provider_requests(&orders).await.len(), 1);
}

#[tokio::test]
async fn a_declined_order_expires_like_any_other() {
    let orders = Orders::open_with(&["--order-ttl", "2s"]).await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![declined()]).await;
    orders.pay(order).await;
    let expired = orders.wait_for_status(order, "cancelled").await;
    assert_eq!(history(&expired)[2..], ["paying", "awaiting_payment", "cancelled"]);
    assert_eq!(expired["reason"], "expired");
    assert_eq!(orders.wait_for_commands(order, 2).await[1].message, Command::Release);
}

#[tokio::test]
async fn an_order_cannot_be_cancelled_and_does_not_expire_while_its_payment_is_unknown() {
    let orders = Orders::open_with(&["--payment-timeout", "300ms", "--order-ttl", "1s"]).await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![delayed(succeeded())]).await;
    let expires_at = orders.pay(order).await.body["expires_at"].as_str().unwrap().parse().unwrap();
    let refused = orders.cancel(order).await;
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (StatusCode::CONFLICT, &json!("the order is paying"))
    );
    let retried = async || {
        (chassis::db::now() > expires_at && provider_requests(&orders).await.len() > 1).then_some(())
    };
    testbed::wait_for("a retry after the order has expired", retried).await;
    assert_eq!(orders.read(order).await["status"], "paying");
}

#[tokio::test]
async fn cancelling_a_paid_order_refunds_the_money_and_then_releases_the_stock() {
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![succeeded()]).await;
    mock_refunds(&orders, vec![delayed(refunded()), ResponseTemplate::new(503)]).await;
    orders.pay(order).await;
    orders.wait_for_status(order, "paid").await;
    orders.wait_for_commands(order, 2).await;

    let cancellation = format!("/orders/{order}/cancellation");
    let refunding = orders.post(&cancellation, orders.staff, json!({})).await;
    assert_eq!((refunding.status, &refunding.body["status"]), (StatusCode::ACCEPTED, &json!("refunding")));
    let refunds = async || {
        let mut requests = provider_requests(&orders).await;
        requests.retain(|(_, body)| body.get("source").is_none());
        requests
    };
    let retried = async || Some(refunds().await).filter(|requests| requests.len() > 2);
    let mut requests = testbed::wait_for("two retries of the refund", retried).await;
    let [_hold, last] = orders.commands(order).await.try_into().expect("the refund comes before the release");
    assert_eq!(last.message, Command::Sell);

    orders.provider.reset().await;
    mock_refunds(&orders, vec![refunded()]).await;
    let cancelled = orders.wait_for_status(order, "cancelled").await;
    assert_eq!(cancelled["payment"]["refunded"]["amount"], 2500);
    assert_eq!(cancelled["reason"], "customer_request");
    assert_eq!(orders.wait_for_commands(order, 3).await[2].message, Command::Release);
    requests.extend(refunds().await);
    assert!(requests.iter().all(|request| *request == requests[0]), "retries of one refund: {requests:?}");
}

#[tokio::test]
async fn a_paid_order_is_shipped_and_delivered_by_staff_and_then_final() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![succeeded()]).await;
    let step = async |step: &str, caller| {
        orders.post(&format!("/orders/{order}/{step}"), caller, json!({})).await.status
    };
    assert_eq!(step("shipment", orders.staff).await, StatusCode::CONFLICT, "not paid");
    orders.pay(order).await;
    orders.wait_for_status(order, "paid").await;
    assert_eq!(step("shipment", orders.customer).await, StatusCode::FORBIDDEN);
    assert_eq!(step("delivery", orders.staff).await, StatusCode::CONFLICT, "not shipped");
    for path in ["shipment", "shipment", "delivery", "delivery"] {
        assert_eq!(step(path, orders.staff).await, StatusCode::OK);
    }
    assert_eq!(step("cancellation", orders.customer).await, StatusCode::CONFLICT);
    assert_eq!(history(&orders.read(order).await)[2..], ["paying", "paid", "shipped", "delivered"]);
}

#[tokio::test]
async fn of_six_concurrent_payments_one_is_made() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![succeeded()]).await;
    let paid = join_all((0..6).map(|_| orders.pay(order))).await;
    assert_eq!(paid.iter().filter(|response| response.status == StatusCode::ACCEPTED).count(), 1);
    assert_eq!(paid.iter().filter(|response| response.status == StatusCode::CONFLICT).count(), 5);
    orders.wait_for_status(order, "paid").await;
    assert_eq!(provider_requests(&orders).await.len(), 1);
}
