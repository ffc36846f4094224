use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wiremock::{
    Mock, Request, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use crate::harness::{Shop, history};

/// The provider's response to a successful charge.
fn succeeded() -> ResponseTemplate {
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

/// A short timeout for requests to the provider, for tests in which no response arrives.
const SHORT_TIMEOUT: [&str; 2] = ["--payment-timeout", "300ms"];

/// A response that arrives after the timeout.
fn too_late(answer: ResponseTemplate) -> ResponseTemplate {
    answer.set_delay(Duration::from_mins(1))
}

async fn respond_to_charges(shop: &Shop, answers: Vec<ResponseTemplate>) {
    respond_to(shop, Mock::given(method("POST")).and(path("/v1/charges")), answers).await;
}

async fn respond_to_refunds(shop: &Shop, answers: Vec<ResponseTemplate>) {
    respond_to(shop, Mock::given(method("POST")).and(path_regex("^/v1/charges/.*/refunds$")), answers).await;
}

/// Returns the responses one after another, and the last one for all further requests.
async fn respond_to(shop: &Shop, requests: wiremock::MockBuilder, answers: Vec<ResponseTemplate>) {
    let received = std::sync::atomic::AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let nth = received.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answers[nth.min(answers.len() - 1)].clone()
    };
    requests.respond_with(answer).mount(&shop.provider).await;
}

/// The idempotency keys and bodies of the requests that the provider received.
async fn provider_requests(shop: &Shop) -> Vec<(String, Value)> {
    let requests = shop.provider.received_requests().await.unwrap();
    let key = |request: &Request| request.headers["idempotency-key"].to_str().unwrap().to_owned();
    requests.iter().map(|request| (key(request), request.body_json().unwrap())).collect()
}

struct Placed {
    shop: Shop,
    product: String,
    customer: String,
    order: String,
}

async fn placed() -> Placed {
    placed_with(&[]).await
}

/// A shop with five mugs in stock and one order for two of them, 25.00 in total.
async fn placed_with(settings: &[&str]) -> Placed {
    let shop = Shop::open_with(settings).await;
    let (product, customer) = (shop.product("Mug", 1250, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 2).await;
    Placed { shop, product, customer, order }
}

#[tokio::test]
async fn a_payment_that_the_provider_refuses_can_be_repeated_or_the_order_cancelled() {
    let Placed { shop, product, customer, order } = placed().await;
    let refused = ResponseTemplate::new(402).set_body_json(json!({"error": {"code": "source_refused"}}));
    respond_to_charges(&shop, vec![refused, succeeded()]).await;
    shop.pay(&customer, &order).await;
    let again = shop.until(&customer, &order, "awaiting_payment").await;
    assert_eq!(again["payment"]["decline_code"], "source_refused");
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0]);
    shop.pay(&customer, &order).await;
    shop.until(&customer, &order, "paid").await;
    let [(first, _), (second, _)] = provider_requests(&shop).await.try_into().unwrap();
    assert_ne!(first, second, "a new payment has a new key");
}

#[tokio::test]
async fn a_provider_that_asks_to_slow_down_has_not_refused_the_payment() {
    let Placed { shop, customer, order, .. } = placed().await;
    let slow_down = ResponseTemplate::new(429).set_body_json(json!({"error": {"code": "rate_limit"}}));
    respond_to_charges(&shop, vec![slow_down, succeeded()]).await;
    shop.pay(&customer, &order).await;
    shop.until(&customer, &order, "paid").await;
    let [(first, _), (second, _)] = provider_requests(&shop).await.try_into().unwrap();
    assert_eq!(first, second, "a retry has the same key");
}

#[tokio::test]
async fn paying_sells_the_stock_and_captures_the_total() {
    let Placed { shop, product, customer, order } = placed().await;
    respond_to_charges(&shop, vec![succeeded()]).await;
    let paying = shop.pay(&customer, &order).await;
    assert_eq!((paying.status, &paying.body["status"]), (StatusCode::ACCEPTED, &json!("paying")));
    let paid = shop.until(&customer, &order, "paid").await;
    assert_eq!(paid["payment"]["captured"]["amount"], 2500);
    assert_eq!(shop.stock(&product).await, [5, 3, 0, 2]);
    let [(_, charge)] = provider_requests(&shop).await.try_into().unwrap();
    let expected = json!({"amount": 2500, "currency": "EUR", "source": "tok_ok", "reference": paid["id"]});
    assert_eq!(charge, expected);
}

#[tokio::test]
async fn a_decline_leaves_the_stock_held_and_the_next_attempt_has_a_new_key() {
    let Placed { shop, product, customer, order } = placed().await;
    respond_to_charges(&shop, vec![declined(), succeeded()]).await;
    shop.pay(&customer, &order).await;
    let declined = shop.until(&customer, &order, "awaiting_payment").await;
    assert_eq!(declined["payment"]["decline_code"], "insufficient_funds");
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0]);

    assert_eq!(shop.pay(&customer, &order).await.body["payment"]["decline_code"], Value::Null);
    let paid = shop.until(&customer, &order, "paid").await;
    assert_eq!(
        history(&paid),
        ["pending", "awaiting_payment", "paying", "awaiting_payment", "paying", "paid"]
    );
    let [(first, _), (second, _)] = provider_requests(&shop).await.try_into().unwrap();
    assert_ne!(first, second);
}

/// A timeout, an error status or an invalid body does not tell whether the money was charged.
#[tokio::test]
async fn an_unknown_outcome_is_retried_with_the_same_key() {
    let unclear = [
        too_late(succeeded()),
        ResponseTemplate::new(500),
        ResponseTemplate::new(429),
        ResponseTemplate::new(404),
        ResponseTemplate::new(201).set_body_string("<html>welcome</html>"),
        ResponseTemplate::new(201).set_body_json(json!({"status": "perhaps"})),
    ];
    let is_retried = |unclear: ResponseTemplate| async {
        let Placed { shop, product, customer, order } = placed_with(&SHORT_TIMEOUT).await;
        respond_to_charges(&shop, vec![unclear, succeeded()]).await;
        shop.pay(&customer, &order).await;
        let paid = shop.until(&customer, &order, "paid").await;
        assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
        assert_eq!(shop.stock(&product).await, [5, 3, 0, 2]);
        let requests = provider_requests(&shop).await;
        assert!(requests.len() > 1 && requests.iter().all(|request| *request == requests[0]), "{requests:?}");
    };
    join_all(unclear.map(is_retried)).await;
}

#[tokio::test]
async fn requests_with_one_key_make_one_payment() {
    let Placed { shop, customer, order, .. } = placed().await;
    respond_to_charges(&shop, vec![succeeded()]).await;
    let path = format!("{order}/payment");
    let pay = || shop.post_keyed(&path, &customer, "pay-1", json!({"source": "tok_ok"}));
    let first = pay().await;
    shop.until(&customer, &order, "paid").await;
    let again = pay().await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (StatusCode::ACCEPTED, &json!("paying")),
        "the same as the first time"
    );
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(provider_requests(&shop).await.len(), 1);
}

#[tokio::test]
async fn a_declined_order_expires_like_any_other() {
    let Placed { shop, product, customer, order } = placed_with(&["--order-ttl", "2s"]).await;
    respond_to_charges(&shop, vec![declined()]).await;
    shop.pay(&customer, &order).await;
    let expired = shop.until(&customer, &order, "cancelled").await;
    assert_eq!(history(&expired)[2..], ["paying", "awaiting_payment", "cancelled"]);
    assert_eq!(expired["reason"], "expired");
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn of_six_concurrent_payments_one_is_made() {
    let Placed { shop, customer, order, .. } = placed().await;
    respond_to_charges(&shop, vec![succeeded()]).await;
    let paid = join_all((0..6).map(|_| shop.pay(&customer, &order))).await;
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 1);
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count(), 5);
    shop.until(&customer, &order, "paid").await;
    assert_eq!(provider_requests(&shop).await.len(), 1);
}

#[tokio::test]
async fn an_order_cannot_be_cancelled_while_its_payment_is_in_progress() {
    let Placed { shop, product, customer, order } = placed().await;
    respond_to_charges(&shop, vec![too_late(succeeded())]).await;
    shop.pay(&customer, &order).await;
    let refused = shop.post(&format!("{order}/cancellation"), &customer, json!({})).await;
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (StatusCode::CONFLICT, &json!("the order is paying"))
    );
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0]);
}

#[tokio::test]
async fn cancelling_a_paid_order_refunds_the_money_and_releases_the_stock() {
    let Placed { shop, product, customer, order } = placed_with(&SHORT_TIMEOUT).await;
    respond_to_charges(&shop, vec![succeeded()]).await;
    respond_to_refunds(&shop, vec![too_late(refunded()), ResponseTemplate::new(503), refunded()]).await;
    shop.pay(&customer, &order).await;
    shop.until(&customer, &order, "paid").await;

    let refunding = shop.post(&format!("{order}/cancellation"), &shop.staff().await, json!({})).await;
    assert_eq!((refunding.status, &refunding.body["status"]), (StatusCode::ACCEPTED, &json!("refunding")));
    let cancelled = shop.until(&customer, &order, "cancelled").await;
    assert_eq!(cancelled["payment"]["refunded"]["amount"], 2500);
    assert_eq!(cancelled["reason"], "customer_request");
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0]);
    let mut requests = provider_requests(&shop).await;
    requests.retain(|(_, body)| body.get("source").is_none());
    assert!(
        requests.len() > 2 && requests.iter().all(|request| *request == requests[0]),
        "one refund, retried: {requests:?}"
    );
}

#[tokio::test]
async fn staff_ship_and_deliver_a_paid_order_which_is_then_final() {
    let Placed { shop, customer, order, .. } = placed().await;
    respond_to_charges(&shop, vec![succeeded()]).await;
    let staff = shop.staff().await;
    let step =
        async |step: &str, token: &str| shop.post(&format!("{order}/{step}"), token, json!({})).await.status;
    assert_eq!(step("shipment", &staff).await, StatusCode::CONFLICT, "not paid");
    shop.pay(&customer, &order).await;
    shop.until(&customer, &order, "paid").await;
    assert_eq!(step("shipment", &customer).await, StatusCode::FORBIDDEN);
    assert_eq!(step("delivery", &staff).await, StatusCode::CONFLICT, "not shipped");
    for path in ["shipment", "shipment", "delivery", "delivery"] {
        assert_eq!(step(path, &staff).await, StatusCode::OK);
    }
    assert_eq!(step("cancellation", &customer).await, StatusCode::CONFLICT);
    let order = shop.get(&order, &customer).await.body;
    assert_eq!(history(&order)[2..], ["paying", "paid", "shipped", "delivered"]);
}
