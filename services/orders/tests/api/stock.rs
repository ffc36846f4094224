//! What products answers, twice, late or never.

use contracts::{Command, Envelope, Event, stock::Refused};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testbed::until;
use wiremock::{Mock, ResponseTemplate, matchers::method};

use crate::harness::{Orders, held, history};

/// So long does orders wait for products where a test needs that it does not answer.
const IMPATIENT: [&str; 2] = ["--stock-timeout", "300ms"];

async fn until_nothing_is_asked(orders: &Orders) {
    let open = async || (orders.number("select count(*) from stock_requests").await == 0).then_some(());
    until("every request to products to be answered", open).await;
}

#[tokio::test]
async fn what_is_held_awaits_its_payment_at_the_price_of_that_moment() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    orders.tell(order, held()).await;
    let order = orders.until(order, "awaiting_payment").await;
    assert_eq!(history(&order), ["pending", "awaiting_payment"]);
    assert_eq!(order["total"], json!({"amount": 2500, "currency": "EUR"}));
    assert_eq!(order["items"][0]["name"], "Mug");
    assert_eq!(order["items"][0]["unit_price"]["amount"], 1250);
    assert!(order["expires_at"].is_string());
    until_nothing_is_asked(&orders).await;
}

#[tokio::test]
async fn an_answer_of_a_younger_schema_is_understood_whatever_has_another_field() {
    let orders = Orders::open().await;
    let order = orders.place().await;
    let mut younger = serde_json::to_value(Envelope::new(order, 1, chassis::db::now(), held())).unwrap();
    younger["schema"] = json!(2);
    for path in ["", "/data", "/data/lines/0", "/data/lines/0/unit_price"] {
        younger.pointer_mut(path).unwrap()["colour"] = json!("blue");
    }
    orders.send_raw("events.stock.held".into(), younger.to_string().into()).await;
    assert_eq!(orders.until(order, "awaiting_payment").await["total"]["amount"], 2500);
}

#[tokio::test]
async fn what_is_refused_is_rejected_with_its_reason() {
    let orders = Orders::open().await;
    for (reason, name) in
        [(Refused::OutOfStock, "out_of_stock"), (Refused::UnknownProduct, "unknown_product")]
    {
        let order = orders.place().await;
        orders.tell(order, Event::StockRefused { reason }).await;
        let rejected = orders.until(order, "rejected").await;
        assert_eq!((&rejected["reason"], &rejected["total"]), (&json!(name), &Value::Null));
        assert_eq!(orders.cancel(order).await.status, StatusCode::CONFLICT);
        assert_eq!(orders.asked(order).await.len(), 1, "there is nothing to release");
    }
    until_nothing_is_asked(&orders).await;
}

/// Each again under a new id, as products answers who asks again; and those that contradict what was said first.
#[tokio::test]
async fn the_first_answer_counts_and_later_ones_change_nothing() {
    let orders = Orders::open().await;
    let order = orders.place_and_hold().await;
    let before = orders.read(order).await;
    let mut dearer = held();
    if let Event::StockHeld { lines } = &mut dearer {
        lines[0].unit_price.amount = 9900;
    }
    let refused = Event::StockRefused { reason: Refused::OutOfStock };
    for late in [held(), dearer, refused, Event::StockSold, Event::StockReleased] {
        orders.tell(order, late).await;
    }
    orders.until_heard().await;
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
    orders.tell(order, held()).await;
    orders.until_heard().await;
    assert_eq!(history(&orders.read(order).await), ["pending", "cancelled"]);
    let [_hold, release] = orders.until_asked(order, 2).await.try_into().unwrap();
    assert_eq!(release.message, Command::Release);
    assert_eq!(
        orders.number("select count(*) from stock_requests where request = 'release'").await,
        1,
        "until it is answered"
    );
    orders.tell(order, Event::StockReleased).await;
    until_nothing_is_asked(&orders).await;
    assert_eq!(orders.cancel(order).await.status, StatusCode::ACCEPTED, "again is as once");
    assert_eq!(orders.asked(order).await.len(), 2);
}

#[tokio::test]
async fn who_does_not_answer_is_asked_once_more_and_then_the_order_is_given_up() {
    let orders = Orders::open_with(&IMPATIENT).await;
    let order = orders.place().await;
    let cancelled = orders.until(order, "cancelled").await;
    assert_eq!(cancelled["reason"], "timed_out");
    let [first, second, release] = orders.until_asked(order, 3).await.try_into().unwrap();
    assert_eq!(first.message, second.message);
    assert_ne!(first.id, second.id, "who has handled the first says nothing to the first");
    assert!(second.occurred_at.duration_since(first.occurred_at) >= SignedDuration::from_millis(300));
    assert!(release.occurred_at.duration_since(second.occurred_at) >= SignedDuration::from_millis(300));
    assert_eq!(release.message, Command::Release);
    orders.tell(order, held()).await;
    orders.tell(order, Event::StockReleased).await;
    until_nothing_is_asked(&orders).await;
    assert_eq!(history(&orders.read(order).await), ["pending", "cancelled"]);
}

#[tokio::test]
async fn an_answer_to_the_second_ask_is_in_time() {
    let orders = Orders::open_with(&["--stock-timeout", "2s"]).await;
    let order = orders.place().await;
    orders.until_asked(order, 2).await;
    orders.tell(order, held()).await;
    orders.until(order, "awaiting_payment").await;
    until_nothing_is_asked(&orders).await;
}

/// From the charge on there is no giving up: each time it waits twice as long.
#[tokio::test]
async fn what_is_paid_is_asked_to_be_sold_until_it_is() {
    let orders = Orders::open_with(&IMPATIENT).await;
    let succeeded = ResponseTemplate::new(201).set_body_json(json!({"id": "ch_1", "status": "succeeded"}));
    Mock::given(method("POST")).respond_with(succeeded).mount(&orders.provider).await;
    let order = orders.place_and_hold().await;
    orders.pay(order).await;
    asked_with_growing_pauses(&orders, order, &Command::Sell).await;
    assert_eq!(orders.read(order).await["status"], "paid");
    orders.tell(order, Event::StockSold).await;
    until_nothing_is_asked(&orders).await;
}

#[tokio::test]
async fn what_is_cancelled_is_asked_to_be_released_until_it_is() {
    let orders = Orders::open_with(&IMPATIENT).await;
    let order = orders.place_and_hold().await;
    orders.cancel(order).await;
    asked_with_growing_pauses(&orders, order, &Command::Release).await;
    orders.tell(order, Event::StockReleased).await;
    until_nothing_is_asked(&orders).await;
}

async fn asked_with_growing_pauses(orders: &Orders, order: uuid::Uuid, command: &Command) {
    let [_hold, asks @ ..] = &orders.until_asked(order, 4).await[..] else { panic!("no hold") };
    assert!(asks.iter().all(|ask| ask.message == *command), "{asks:?}");
    let ids: std::collections::HashSet<_> = asks.iter().map(|ask| ask.id).collect();
    assert_eq!(ids.len(), asks.len(), "each under an id of its own");
    for (times, pair) in asks.windows(2).enumerate() {
        let pause = pair[1].occurred_at.duration_since(pair[0].occurred_at);
        assert!(pause >= SignedDuration::from_millis(300 << times), "{times}: {pause:#}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_expires_and_releases_its_stock() {
    let orders = Orders::open_with(&["--order-ttl", "50ms"]).await;
    let order = orders.place().await;
    orders.tell(order, held()).await;
    let expired = orders.until(order, "cancelled").await;
    assert_eq!(expired["reason"], "expired");
    assert_eq!(orders.until_asked(order, 2).await[1].message, Command::Release);
    assert_eq!(orders.pay(order).await.status, StatusCode::CONFLICT);
}
