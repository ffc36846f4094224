//! Crashes and restarts, and other processes that use the same database.

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
async fn a_payment_in_progress_is_retried_with_its_key_after_a_crash() {
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
async fn a_payment_and_a_refund_do_not_wait_for_as_long_as_the_clock_was_set_back() {
    let mut shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    for (request, table, done) in
        [("payment", "payment_attempts", "paid"), ("cancellation", "refunds", "cancelled")]
    {
        shop.provider.reset().await;
        let never = ResponseTemplate::new(201).set_delay(Duration::from_mins(1));
        Mock::given(method("POST")).respond_with(never).mount(&shop.provider).await;
        shop.post(&format!("{order}/{request}"), &customer, json!({"source": "tok_ok"})).await;
        // As if the clock had been an hour ahead when the request was sent.
        let url = format!("sqlite://{}", shop.database().display());
        let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let update = sqlx::AssertSqlSafe(format!("update {table} set next_attempt_at = '{ahead:.6}'"));
        sqlx::query(update).execute(&mut SqliteConnection::connect(&url).await.unwrap()).await.unwrap();

        shop = shop.crash_and_reopen(&[]).await;
        shop.provider.reset().await;
        let succeeded = json!({"id": "ch_1", "status": "succeeded", "amount": 100});
        let succeeded = ResponseTemplate::new(201).set_body_json(succeeded);
        Mock::given(method("POST")).respond_with(succeeded).mount(&shop.provider).await;
        shop.until(&customer, &order, done).await;
    }
}

#[tokio::test]
async fn a_key_is_remembered() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let first = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    let shop = shop.crash_and_reopen(&[]).await;
    let again = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert_eq!((again.status, again.text), (StatusCode::CREATED, first.text));
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(shop.stock(&product).await, [5, 4, 1, 0]);
}

#[tokio::test]
async fn an_answer_of_another_version_of_the_shop_is_repeated_byte_for_byte() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    let url = format!("sqlite://{}", shop.database().display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let other_version = r#"{ "id": 7, "gift": true }"#;
    let replace = "update idempotency set body = $1, location = '/v2/orders/7' where key = 'basket-1'";
    sqlx::query(replace).bind(other_version.as_bytes()).execute(&mut db).await.unwrap();

    let again = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert_eq!((again.status, again.text.as_str()), (StatusCode::CREATED, other_version));
    assert_eq!(again.headers["location"], "/v2/orders/7");
    let other = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 2)).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_order_that_expired_while_the_shop_was_down_is_cancelled() {
    let shop = Shop::open_with(&["--order-ttl", "1s"]).await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let shop = shop.crash_and_reopen(&[]).await;
    assert_eq!(shop.until(&customer, &order, "cancelled").await["reason"], "expired");
}

#[tokio::test]
async fn only_keys_created_before_the_given_time_are_deleted() {
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
    let deleted = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert!(!deleted.headers.contains_key("idempotency-replayed"));
}

#[tokio::test]
async fn waiting_for_the_writer_does_not_shorten_a_lease() {
    const SHORT_TIMEOUT: [&str; 2] = ["--payment-timeout", "300ms"];
    let shop = Shop::open_with(&SHORT_TIMEOUT).await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&requests);
    let never = move |_: &Request| {
        times.lock().unwrap().push(Instant::now());
        ResponseTemplate::new(201).set_delay(Duration::from_mins(1))
    };
    Mock::given(method("POST")).respond_with(never).mount(&shop.provider).await;
    shop.pay(&customer, &order).await;

    // The lease of the interrupted request ends while another process holds the write lock. A new lease that started
    // before the wait for the lock would end too early as well.
    let shop = shop.crash_and_reopen(&SHORT_TIMEOUT).await;
    requests.lock().unwrap().clear();
    let url = format!("sqlite://{}", shop.database().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    sqlx::query("rollback").execute(&mut other).await.unwrap();

    while requests.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let requests = requests.lock().unwrap();
    let gap = requests[1] - requests[0];
    assert!(gap > Duration::from_millis(400), "retried after {gap:?}, but the first request takes 300 ms");
}

/// An hour of the provider being down, in short.
#[tokio::test]
async fn after_a_long_outage_of_the_provider_a_limited_number_of_payments_is_retried_at_once() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    shop.order(&customer, &product, 1).await;
    let hang = ResponseTemplate::new(503).set_delay(Duration::from_secs(2));
    Mock::given(method("POST")).respond_with(hang).mount(&shop.provider).await;
    let url = format!("sqlite://{}", shop.database().display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let backlog = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
        insert into orders (id, customer_id, status, version, items, total, captured, refunded, history, created_at)
        select lower(printf('%08x-0000-7000-8000-000000000000', i)), customer_id, 'paying', 3, items, total, 0, 0,
               history, created_at from n, (select * from orders limit 1)";
    sqlx::query(backlog).execute(&mut db).await.unwrap();
    let attempts = "insert into payment_attempts (id, order_id, source, amount, attempts, next_attempt_at)
        select id, id, 'tok_ok', 100, 1, created_at from orders where status = 'paying'";
    sqlx::query(attempts).execute(&mut db).await.unwrap();

    let placed = async || {
        let started = Instant::now();
        shop.post("/orders", &customer, line(&product, 1)).await;
        started.elapsed()
    };
    tokio::time::sleep(Duration::from_secs(1)).await; // the worker has looked for due work several times
    let in_flight = shop.provider.received_requests().await.unwrap().len();
    assert!((1..=32).contains(&in_flight), "{in_flight} requests at once");
    assert!(placed().await < Duration::from_secs(1), "placing an order waits for the retries");
}

#[tokio::test]
async fn while_another_process_writes_reads_succeed_and_writes_get_503() {
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
