//! The process ends at the worst moment and is started again.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use wiremock::{Mock, Request, ResponseTemplate, matchers::method};

use crate::harness::{Shop, line};

#[tokio::test]
async fn a_payment_that_was_under_way_is_asked_again_under_its_key() {
    let shop = Shop::open_with(&["--payment-timeout", "1s"]).await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let never = ResponseTemplate::new(201).set_delay(Duration::from_mins(1));
    Mock::given(method("POST")).respond_with(never).mount(&shop.provider).await;
    shop.pay(&customer, &order).await;

    let shop = shop.crash_and_reopen(&["--payment-timeout", "1s"]).await;
    shop.provider.reset().await;
    let succeeded = ResponseTemplate::new(201).set_body_json(json!({"id": "ch_1", "status": "succeeded"}));
    Mock::given(method("POST")).respond_with(succeeded).mount(&shop.provider).await;
    shop.until(&customer, &order, "paid").await;
    assert_eq!(shop.stock(&product).await, [5, 4, 0, 1]);
}

#[tokio::test]
async fn a_key_is_remembered() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let first = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    let shop = shop.crash_and_reopen(&[]).await;
    let again = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert_eq!((again.status, again.body), (StatusCode::CREATED, first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(shop.stock(&product).await, [5, 4, 1, 0]);
}

#[tokio::test]
async fn an_order_that_expired_meanwhile_is_cancelled() {
    let shop = Shop::open_with(&["--order-ttl", "1s"]).await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let shop = shop.crash_and_reopen(&[]).await;
    assert_eq!(shop.until(&customer, &order, "cancelled").await["reason"], "expired");
}

#[tokio::test]
async fn answers_are_forgotten_after_a_day_and_not_before() {
    let shop = Shop::open().await;
    let customer = shop.customer().await;
    let product = shop.product("Mug", 100, 5).await;
    shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    let db = shop::Db::open(&shop.database()).await.unwrap();
    let now = jiff::Timestamp::now();
    shop::idempotency::prune_expired_keys(&db, now - jiff::SignedDuration::from_hours(1)).await.unwrap();
    let kept = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert!(kept.headers.contains_key("idempotency-replayed"));
    shop::idempotency::prune_expired_keys(&db, now + jiff::SignedDuration::from_hours(1)).await.unwrap();
    let forgotten = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert!(!forgotten.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn an_ask_has_its_whole_time_also_when_it_had_to_wait_for_the_writer() {
    const IMPATIENT: [&str; 2] = ["--payment-timeout", "300ms"];
    let shop = Shop::open_with(&IMPATIENT).await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let never = move |_: &Request| {
        times.lock().unwrap().push(Instant::now());
        ResponseTemplate::new(201).set_delay(Duration::from_mins(1))
    };
    Mock::given(method("POST")).respond_with(never).mount(&shop.provider).await;
    shop.pay(&customer, &order).await;

    // The lease of the ask that died ends while somebody else writes, and so would a lease that began then.
    let shop = shop.crash_and_reopen(&IMPATIENT).await;
    asked.lock().unwrap().clear();
    let url = format!("sqlite://{}", shop.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    sqlx::query("rollback").execute(&mut other).await.unwrap();

    while asked.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = asked.lock().unwrap();
    let gap = asked[1] - asked[0];
    assert!(gap > Duration::from_millis(400), "asked again after {gap:?}, and the first ask takes 300 ms");
}

#[tokio::test]
async fn while_somebody_else_writes_reading_goes_on_and_writing_is_told_to_come_back() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let url = format!("sqlite://{}", shop.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();

    assert_eq!(shop.get(&format!("/products/{product}"), &customer).await.status, StatusCode::OK);
    let refused = shop.post("/orders", &customer, line(&product, 1)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));

    sqlx::query("rollback").execute(&mut other).await.unwrap();
    assert_eq!(shop.post("/orders", &customer, line(&product, 1)).await.status, StatusCode::CREATED);
    assert_eq!(shop.stock(&product).await, [5, 4, 1, 0]);
}
