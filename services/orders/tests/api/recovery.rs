//! The process crashes at the worst moment and is restarted.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use contracts::Command;
use http::StatusCode;
use testbed::wait_for;
use wiremock::{Mock, Request, matchers::method};

use crate::{
    harness::{Background, Orders, held, history, two},
    paying::{SHORT_TIMEOUT, delayed, mock_charges, provider_requests, succeeded},
};

#[tokio::test]
async fn a_payment_in_flight_at_a_crash_is_retried_with_its_key() {
    let mut orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place_and_hold().await;
    mock_charges(&orders, vec![delayed(succeeded())]).await;
    orders.pay(order).await;
    wait_for("a request to the provider", async || provider_requests(&orders).await.pop()).await;
    let before = provider_requests(&orders).await;
    orders.crash();

    orders.provider.reset().await;
    mock_charges(&orders, vec![succeeded()]).await;
    orders.start(&SHORT_TIMEOUT, Background::All).await;
    let paid = orders.wait_for_status(order, "paid").await;
    assert_eq!(history(&paid), ["pending", "awaiting_payment", "paying", "paid"]);
    assert_eq!(provider_requests(&orders).await[0], before[0]);
}

/// As if the clock had been an hour ahead when the commands and requests were sent.
async fn set_the_clock_back(orders: &Orders) {
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    for table in ["stock_requests", "payment_attempts", "refunds"] {
        let update = sqlx::AssertSqlSafe(format!("update {table} set next_attempt_at = '{ahead:.6}'"));
        sqlx::query(update).execute(&mut orders.sqlite().await).await.unwrap();
    }
}

#[tokio::test]
async fn no_retry_waits_for_as_long_as_the_clock_was_set_back() {
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place().await;
    set_the_clock_back(&orders).await;
    orders.wait_for_commands(order, 2).await;
    orders.publish_event(order, held()).await;
    orders.wait_for_status(order, "awaiting_payment").await;

    mock_charges(&orders, vec![delayed(succeeded()), succeeded()]).await;
    orders.pay(order).await;
    set_the_clock_back(&orders).await;
    orders.wait_for_status(order, "paid").await;
}

#[tokio::test]
async fn an_idempotency_key_survives_a_restart() {
    let mut orders = Orders::open().await;
    let body = two();
    let first = orders.post_keyed("/orders", orders.customer, "basket-1", body.clone()).await;
    orders.crash();
    orders.start(&[], Background::All).await;
    let again = orders.post_keyed("/orders", orders.customer, "basket-1", body).await;
    assert_eq!((again.status, again.bytes), (StatusCode::CREATED, first.bytes));
    assert_eq!(again.headers["location"], first.headers["location"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
}

#[tokio::test]
async fn an_answer_of_another_version_of_the_service_is_repeated_byte_for_byte() {
    let orders = Orders::open().await;
    let body = two();
    orders.post_keyed("/orders", orders.customer, "basket-1", body.clone()).await;
    let other_version = r#"{ "id": 7, "gift": true }"#;
    let replace = "update idempotency set body = $1, location = '/v2/orders/7' where key = 'basket-1'";
    sqlx::query(replace).bind(other_version.as_bytes()).execute(&mut orders.sqlite().await).await.unwrap();

    let again = orders.post_keyed("/orders", orders.customer, "basket-1", body).await;
    assert_eq!((again.status, again.bytes), (StatusCode::CREATED, other_version.into()));
    assert_eq!(again.headers["location"], "/v2/orders/7");
    let other = orders.post_keyed("/orders", orders.customer, "basket-1", two()).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn an_order_that_expires_while_the_service_is_down_is_cancelled() {
    let mut orders = Orders::open_with(&["--order-ttl", "1s"]).await;
    let order = orders.place_and_hold().await;
    orders.crash();
    orders.start(&[], Background::All).await;
    assert_eq!(orders.wait_for_status(order, "cancelled").await["reason"], "expired");
}

#[tokio::test]
async fn a_hold_without_a_reply_is_retried_and_cancelled_after_a_restart() {
    let mut orders = Orders::open_with(&["--stock-timeout", "300ms"]).await;
    let order = orders.place().await;
    orders.wait_for_commands(order, 1).await;
    orders.crash();
    orders.start(&["--stock-timeout", "300ms"], Background::All).await;
    assert_eq!(orders.wait_for_status(order, "cancelled").await["reason"], "timed_out");
    let [first, second, release] = orders.wait_for_commands(order, 3).await.try_into().unwrap();
    assert_eq!((first.message, release.message), (second.message, Command::Release));
}

/// The command is gone, and so is every stream and consumer. The reply is overdue, so the command is sent again.
#[tokio::test]
async fn an_order_whose_command_was_lost_with_the_store_of_nats_is_held_at_the_second_attempt() {
    let mut orders = Orders::open_with(&["--stock-timeout", "3s"]).await;
    let order = orders.place().await;
    let [lost] = orders.wait_for_commands(order, 1).await.try_into().unwrap();
    orders.nats.kill();
    orders.nats.lose_store();
    orders.nats.start_again().await;
    wait_for("the streams", async || orders.bus.ready().await.ok()).await;
    let [again] = orders.wait_for_commands(order, 1).await.try_into().unwrap();
    assert_eq!(again.message, lost.message);
    assert_ne!(again.id, lost.id);
    orders.publish_event(order, held()).await;
    orders.wait_for_status(order, "awaiting_payment").await;
    orders.place_and_hold().await;
}

#[tokio::test]
async fn an_attempt_has_its_full_timeout_after_waiting_for_the_writer() {
    let mut orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place_and_hold().await;
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&attempts);
    let never = move |_: &Request| {
        recorded.lock().unwrap().push(Instant::now());
        delayed(succeeded())
    };
    Mock::given(method("POST")).respond_with(never).mount(&orders.provider).await;
    orders.pay(order).await;
    orders.crash();
    attempts.lock().unwrap().clear();

    // The lease of the interrupted attempt expires while another process holds the write lock. A lease that started
    // before the wait for the lock would expire then, too.
    orders.start(&SHORT_TIMEOUT, Background::All).await;
    let mut other = orders.sqlite().await;
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    wait_for("two attempts", async || (attempts.lock().unwrap().len() >= 2).then_some(())).await;
    let attempts = attempts.lock().unwrap();
    let gap = attempts[1] - attempts[0];
    assert!(gap > Duration::from_millis(400), "retried after {gap:?}, and an attempt takes 300 ms");
}

#[tokio::test]
async fn while_the_database_is_locked_reads_succeed_and_writes_get_503() {
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
