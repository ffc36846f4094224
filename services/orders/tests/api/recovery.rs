//! The process ends at the worst moment and is started again.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::StatusCode;
use testbed::until;
use wiremock::{Mock, Request, matchers::method};

use crate::{
    harness::{Background, Orders, history, two},
    paying::{IMPATIENT, answers_to_charges, asked, succeeded, too_late},
};

#[tokio::test]
async fn a_payment_that_was_under_way_is_asked_again_under_its_key() {
    let mut orders = Orders::open_with(&IMPATIENT).await;
    let order = orders.place_and_hold().await;
    answers_to_charges(&orders, vec![too_late(succeeded())]).await;
    orders.pay(order).await;
    until("the provider to be asked", async || asked(&orders).await.pop()).await;
    let before = asked(&orders).await;
    orders.crash();

    orders.provider.reset().await;
    answers_to_charges(&orders, vec![succeeded()]).await;
    orders.start(&IMPATIENT, Background::All).await;
    let paid = orders.until(order, "paid").await;
    assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
    assert_eq!(asked(&orders).await[0], before[0]);
}

#[tokio::test]
async fn a_key_is_remembered() {
    let mut orders = Orders::open().await;
    let body = two();
    let first = orders.post_keyed("/orders", orders.customer, "basket-1", body.clone()).await;
    orders.crash();
    orders.start(&[], Background::All).await;
    let again = orders.post_keyed("/orders", orders.customer, "basket-1", body).await;
    assert_eq!((again.status, again.body), (StatusCode::CREATED, first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn an_order_that_expired_meanwhile_is_cancelled() {
    let mut orders = Orders::open_with(&["--order-ttl", "1s"]).await;
    let order = orders.place_and_hold().await;
    orders.crash();
    orders.start(&[], Background::All).await;
    assert_eq!(orders.until(order, "cancelled").await["reason"], "expired");
}

#[tokio::test]
async fn an_order_whose_answer_was_never_heard_is_asked_about_and_given_up() {
    let mut orders = Orders::open_with(&["--stock-timeout", "300ms"]).await;
    let order = orders.place().await;
    orders.until_asked(order, 1).await;
    orders.crash();
    orders.start(&["--stock-timeout", "300ms"], Background::All).await;
    assert_eq!(orders.until(order, "cancelled").await["reason"], "timed_out");
    assert_eq!(orders.until_asked(order, 3).await.len(), 3);
}

#[tokio::test]
async fn an_ask_has_its_whole_time_also_when_it_had_to_wait_for_the_writer() {
    let mut orders = Orders::open_with(&IMPATIENT).await;
    let order = orders.place_and_hold().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let never = move |_: &Request| {
        times.lock().unwrap().push(Instant::now());
        too_late(succeeded())
    };
    Mock::given(method("POST")).respond_with(never).mount(&orders.provider).await;
    orders.pay(order).await;
    orders.crash();
    asked.lock().unwrap().clear();

    // The lease of the ask that died ends while somebody else writes, and so would a lease that began then.
    orders.start(&IMPATIENT, Background::All).await;
    let mut other = orders.sqlite().await;
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    until("the provider to be asked twice", async || (asked.lock().unwrap().len() >= 2).then_some(())).await;
    let asked = asked.lock().unwrap();
    let gap = asked[1] - asked[0];
    assert!(gap > Duration::from_millis(400), "asked again after {gap:?}, and the first ask takes 300 ms");
}

#[tokio::test]
async fn while_somebody_else_writes_reading_goes_on_and_writing_is_told_to_come_back() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    let mut other = orders.sqlite().await;
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    assert_eq!(orders.read(order).await["status"], "pending");
    let refused = orders.post("/orders", orders.customer, two()).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    orders.place().await;
}
