//! The replies of products: repeated, late or missing.

use contracts::{Command, Envelope, Event, stock::Refused};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testbed::wait_for;
use wiremock::{Mock, ResponseTemplate, matchers::method};

use crate::harness::{Orders, held, history};

/// A short timeout, for tests in which products does not reply in time.
const SHORT_TIMEOUT: [&str; 2] = ["--stock-timeout", "300ms"];

async fn wait_until_no_command_is_open(orders: &Orders) {
    let closed = async || (orders.number("select count(*) from stock_requests").await == 0).then_some(());
    wait_for("a reply to every command", closed).await;
}

#[tokio::test]
async fn a_held_order_awaits_payment_at_the_price_of_that_moment() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    orders.publish_event(order, held()).await;
    let order = orders.wait_for_status(order, "awaiting_payment").await;
    assert_eq!(history(&order), ["pending", "awaiting_payment"]);
    assert_eq!(order["total"], json!({"amount": 2500, "currency": "EUR"}));
    assert_eq!(order["items"][0]["name"], "Mug");
    assert_eq!(order["items"][0]["unit_price"]["amount"], 1250);
    assert!(order["expires_at"].is_string());
    wait_until_no_command_is_open(&orders).await;
}

#[tokio::test]
async fn an_event_of_a_newer_schema_with_unknown_fields_is_processed() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    let mut newer = serde_json::to_value(Envelope::new(order, 1, chassis::db::now(), held())).unwrap();
    newer["schema"] = json!(2);
    for path in ["", "/data", "/data/lines/0", "/data/lines/0/unit_price"] {
        newer.pointer_mut(path).unwrap()["colour"] = json!("blue");
    }
    orders.publish_raw("events.stock.held".into(), newer.to_string().into()).await;
    assert_eq!(orders.wait_for_status(order, "awaiting_payment").await["total"]["amount"], 2500);
}

#[tokio::test]
async fn an_order_whose_stock_is_refused_is_rejected_with_the_reason() {
    let orders = Orders::open().await;
    for (reason, name) in
        [(Refused::OutOfStock, "out_of_stock"), (Refused::UnknownProduct, "unknown_product")]
    {
        let order = orders.place().await;
        orders.publish_event(order, Event::StockRefused { reason }).await;
        let rejected = orders.wait_for_status(order, "rejected").await;
        assert_eq!((&rejected["reason"], &rejected["total"]), (&json!(name), &Value::Null));
        assert_eq!(orders.cancel(order).await.status, StatusCode::CONFLICT);
        assert_eq!(orders.commands(order).await.len(), 1, "there is nothing to release");
    }
    wait_until_no_command_is_open(&orders).await;
}

/// Each reply has a new id, as the reply to a retried command has. Some contradict the first one.
#[tokio::test]
async fn the_first_reply_counts_and_later_ones_change_nothing() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    let before = orders.read(order).await;
    let mut dearer = held();
    if let Event::StockHeld { lines } = &mut dearer {
        lines[0].unit_price.amount = 9900;
    }
    let refused = Event::StockRefused { reason: Refused::OutOfStock };
    for late in [held(), dearer, refused, Event::StockSold, Event::StockReleased] {
        orders.publish_event(order, late).await;
    }
    orders.wait_until_idle().await;
    assert_eq!(orders.read(order).await, before);
}

#[tokio::test]
async fn stock_that_is_held_after_the_order_was_cancelled_is_released() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    let cancelled = orders.cancel(order).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["reason"]),
        (StatusCode::ACCEPTED, &json!("customer_request"))
    );
    orders.publish_event(order, held()).await;
    orders.wait_until_idle().await;
    assert_eq!(history(&orders.read(order).await), ["pending", "cancelled"]);
    let [_hold, release] = orders.wait_for_commands(order, 2).await.try_into().unwrap();
    assert_eq!(release.message, Command::Release);
    assert_eq!(
        orders.number("select count(*) from stock_requests where command = 'release'").await,
        1,
        "it is open until the reply"
    );
    orders.publish_event(order, Event::StockReleased).await;
    wait_until_no_command_is_open(&orders).await;
    assert_eq!(orders.cancel(order).await.status, StatusCode::ACCEPTED, "cancelling is idempotent");
    assert_eq!(orders.commands(order).await.len(), 2);
}

#[tokio::test]
async fn a_hold_without_a_reply_is_retried_once_and_then_the_order_is_cancelled() {
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place().await;
    let cancelled = orders.wait_for_status(order, "cancelled").await;
    assert_eq!(cancelled["reason"], "timed_out");
    let [first, second, release] = orders.wait_for_commands(order, 3).await.try_into().unwrap();
    assert_eq!(first.message, second.message);
    assert_ne!(first.id, second.id, "products would skip a duplicate of the first");
    assert!(second.occurred_at.duration_since(first.occurred_at) >= SignedDuration::from_millis(300));
    assert!(release.occurred_at.duration_since(second.occurred_at) >= SignedDuration::from_millis(300));
    assert_eq!(release.message, Command::Release);
    orders.publish_event(order, held()).await;
    orders.publish_event(order, Event::StockReleased).await;
    wait_until_no_command_is_open(&orders).await;
    assert_eq!(history(&orders.read(order).await), ["pending", "cancelled"]);
}

#[tokio::test]
async fn a_reply_to_the_second_attempt_is_accepted() {
    let orders = Orders::open_with(&["--stock-timeout", "2s"]).await;
    let order = orders.place().await;
    orders.wait_for_commands(order, 2).await;
    orders.publish_event(order, held()).await;
    orders.wait_for_status(order, "awaiting_payment").await;
    wait_until_no_command_is_open(&orders).await;
}

/// From the charge on, a command is retried for ever, each time after twice the delay.
#[tokio::test]
async fn a_sale_is_retried_until_it_is_confirmed() {
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let succeeded = ResponseTemplate::new(201).set_body_json(json!({"id": "ch_1", "status": "succeeded"}));
    Mock::given(method("POST")).respond_with(succeeded).mount(&orders.provider).await;
    let order = orders.place_and_hold().await;
    orders.pay(order).await;
    retried_with_back_off(&orders, order, &Command::Sell).await;
    assert_eq!(orders.read(order).await["status"], "paid");
    orders.publish_event(order, Event::StockSold).await;
    wait_until_no_command_is_open(&orders).await;
}

#[tokio::test]
async fn a_release_is_retried_until_it_is_confirmed() {
    let orders = Orders::open_with(&SHORT_TIMEOUT).await;
    let order = orders.place_and_hold().await;
    orders.cancel(order).await;
    retried_with_back_off(&orders, order, &Command::Release).await;
    orders.publish_event(order, Event::StockReleased).await;
    wait_until_no_command_is_open(&orders).await;
}

async fn retried_with_back_off(orders: &Orders, order: uuid::Uuid, command: &Command) {
    let [_hold, attempts @ ..] = &orders.wait_for_commands(order, 4).await[..] else { panic!("no hold") };
    assert!(attempts.iter().all(|attempt| attempt.message == *command), "{attempts:?}");
    let ids: std::collections::HashSet<_> = attempts.iter().map(|attempt| attempt.id).collect();
    assert_eq!(ids.len(), attempts.len(), "each attempt has its own id");
    for (doublings, pair) in attempts.windows(2).enumerate() {
        let delay = pair[1].occurred_at.duration_since(pair[0].occurred_at);
        assert!(delay >= SignedDuration::from_millis(300 << doublings), "{doublings}: {delay:#}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_expires_and_releases_its_stock() {
    let orders = Orders::open_with(&["--order-ttl", "50ms"]).await;
    let order = orders.place().await;
    orders.publish_event(order, held()).await;
    let expired = orders.wait_for_status(order, "cancelled").await;
    assert_eq!(expired["reason"], "expired");
    assert_eq!(orders.wait_for_commands(order, 2).await[1].message, Command::Release);
    assert_eq!(orders.pay(order).await.status, StatusCode::CONFLICT);
}
