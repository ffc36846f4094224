use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use wiremock::{
    Mock, Request, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use crate::harness::{Shop, history};

/// What the provider answers to a charge that it takes.
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

/// So long does a shop wait for an answer where a test needs that it does not come.
const IMPATIENT: [&str; 2] = ["--payment-timeout", "300ms"];

/// Longer than that.
fn too_late(answer: ResponseTemplate) -> ResponseTemplate {
    answer.set_delay(Duration::from_mins(1))
}

async fn answers_to_charges(shop: &Shop, answers: Vec<ResponseTemplate>) {
    answers_to(shop, Mock::given(method("POST")).and(path("/v1/charges")), answers).await;
}

async fn answers_to_refunds(shop: &Shop, answers: Vec<ResponseTemplate>) {
    answers_to(shop, Mock::given(method("POST")).and(path_regex("^/v1/charges/.*/refunds$")), answers).await;
}

/// Answers one after another; the last one for ever.
async fn answers_to(shop: &Shop, requests: wiremock::MockBuilder, answers: Vec<ResponseTemplate>) {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let nth = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answers[nth.min(answers.len() - 1)].clone()
    };
    requests.respond_with(answer).mount(&shop.provider).await;
}

/// The keys and bodies of what the provider was asked.
async fn asked(shop: &Shop) -> Vec<(String, Value)> {
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

/// A shop with one order of two mugs, 25.00 in all, of five there are.
async fn placed_with(settings: &[&str]) -> Placed {
    let shop = Shop::open_with(settings).await;
    let (product, customer) = (shop.product("Mug", 1250, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 2).await;
    Placed { shop, product, customer, order }
}

#[tokio::test]
async fn a_paid_order_has_sold_its_stock_and_captured_its_total() {
    let Placed { shop, product, customer, order } = placed().await;
    answers_to_charges(&shop, vec![succeeded()]).await;
    let paying = shop.pay(&customer, &order).await;
    assert_eq!((paying.status, &paying.body["status"]), (StatusCode::ACCEPTED, &json!("paying")));
    let paid = shop.until(&customer, &order, "paid").await;
    assert_eq!(paid["payment"]["captured"]["amount"], 2500);
    assert_eq!(shop.stock(&product).await, [5, 3, 0, 2]);
    let [(_, charge)] = asked(&shop).await.try_into().unwrap();
    let expected = json!({"amount": 2500, "currency": "EUR", "source": "tok_ok", "reference": paid["id"]});
    assert_eq!(charge, expected);
}

#[tokio::test]
async fn a_decline_leaves_the_stock_held_and_the_next_attempt_has_a_new_key() {
    let Placed { shop, product, customer, order } = placed().await;
    answers_to_charges(&shop, vec![declined(), succeeded()]).await;
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
    let [(first, _), (second, _)] = asked(&shop).await.try_into().unwrap();
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
    let ask_again = |unclear: ResponseTemplate| async {
        let Placed { shop, product, customer, order } = placed_with(&IMPATIENT).await;
        answers_to_charges(&shop, vec![unclear, succeeded()]).await;
        shop.pay(&customer, &order).await;
        let paid = shop.until(&customer, &order, "paid").await;
        assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
        assert_eq!(shop.stock(&product).await, [5, 3, 0, 2]);
        let asked = asked(&shop).await;
        assert!(asked.len() > 1 && asked.iter().all(|ask| *ask == asked[0]), "{asked:?}");
    };
    join_all(unclear.map(ask_again)).await;
}

#[tokio::test]
async fn one_key_is_one_payment() {
    let Placed { shop, customer, order, .. } = placed().await;
    answers_to_charges(&shop, vec![succeeded()]).await;
    let path = format!("{order}/payment");
    let pay = || shop.post_keyed(&path, &customer, "pay-1", json!({"source": "tok_ok"}));
    let first = pay().await;
    shop.until(&customer, &order, "paid").await;
    let again = pay().await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (StatusCode::ACCEPTED, &json!("paying")),
        "as first sent"
    );
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(asked(&shop).await.len(), 1);
}

#[tokio::test]
async fn a_declined_order_expires_like_any_other() {
    let Placed { shop, product, customer, order } = placed_with(&["--order-ttl", "2s"]).await;
    answers_to_charges(&shop, vec![declined()]).await;
    shop.pay(&customer, &order).await;
    let expired = shop.until(&customer, &order, "cancelled").await;
    assert_eq!(history(&expired)[2..], ["paying", "awaiting_payment", "cancelled"]);
    assert_eq!(expired["reason"], "expired");
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn of_six_payments_at_once_one_is_made() {
    let Placed { shop, customer, order, .. } = placed().await;
    answers_to_charges(&shop, vec![succeeded()]).await;
    let paid = join_all((0..6).map(|_| shop.pay(&customer, &order))).await;
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 1);
    assert_eq!(paid.iter().filter(|answer| answer.status == StatusCode::CONFLICT).count(), 5);
    shop.until(&customer, &order, "paid").await;
    assert_eq!(asked(&shop).await.len(), 1);
}

#[tokio::test]
async fn an_order_cannot_be_cancelled_while_its_payment_is_unknown() {
    let Placed { shop, product, customer, order } = placed().await;
    answers_to_charges(&shop, vec![too_late(succeeded())]).await;
    shop.pay(&customer, &order).await;
    let refused = shop.post(&format!("{order}/cancellation"), &customer, json!({})).await;
    assert_eq!(
        (refused.status, &refused.body["detail"]),
        (StatusCode::CONFLICT, &json!("the order is paying"))
    );
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0]);
}

#[tokio::test]
async fn a_cancelled_payment_comes_back_and_then_the_stock() {
    let Placed { shop, product, customer, order } = placed_with(&IMPATIENT).await;
    answers_to_charges(&shop, vec![succeeded()]).await;
    answers_to_refunds(&shop, vec![too_late(refunded()), ResponseTemplate::new(503), refunded()]).await;
    shop.pay(&customer, &order).await;
    shop.until(&customer, &order, "paid").await;

    let refunding = shop.post(&format!("{order}/cancellation"), &shop.staff().await, json!({})).await;
    assert_eq!((refunding.status, &refunding.body["status"]), (StatusCode::ACCEPTED, &json!("refunding")));
    let cancelled = shop.until(&customer, &order, "cancelled").await;
    assert_eq!(cancelled["payment"]["refunded"]["amount"], 2500);
    assert_eq!(cancelled["reason"], "customer_request");
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0]);
    let mut asked = asked(&shop).await;
    asked.retain(|(_, body)| body.get("source").is_none());
    assert!(
        asked.len() > 2 && asked.iter().all(|ask| *ask == asked[0]),
        "one refund, asked again: {asked:?}"
    );
}

#[tokio::test]
async fn a_paid_order_is_shipped_and_delivered_by_staff_and_then_final() {
    let Placed { shop, customer, order, .. } = placed().await;
    answers_to_charges(&shop, vec![succeeded()]).await;
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
