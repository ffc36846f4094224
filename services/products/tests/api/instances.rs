//! Several instances on one database, from the stream of commands to the stream of events.

use axum::{
    body::to_bytes,
    response::{IntoResponse, Response},
};
use chassis::{inbox::Outcome, web};
use contracts::{
    Command::{Release, Sell},
    Event,
    stock::Refused,
    stream,
};
use futures::future::join_all;
use http::StatusCode;
use testbed::wait_for;
use uuid::Uuid;

use crate::harness::{Products, hold, in_envelope};

#[tokio::test(flavor = "multi_thread")]
async fn eight_concurrent_consumers_never_oversell() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 10).await;
    let consumers = join_all((0..8).map(|_| products.one_more())).await;
    let buy = |consumer| async move {
        let mut held = 0;
        for _ in 0..5 {
            match crate::harness::Instance::execute(consumer, Uuid::now_v7(), hold(&[(mug, 1)])).await {
                Event::StockHeld { .. } => held += 1,
                refused => assert_eq!(refused, Event::StockRefused { reason: Refused::OutOfStock }),
            }
        }
        held
    };
    assert_eq!(join_all(consumers.iter().map(buy)).await.iter().sum::<i64>(), 10);
    assert_eq!(products.stock(mug).await, [10, 0, 10, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_all_instances_receive_is_processed_by_one() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 10).await;
    let consumers = join_all((0..8).map(|_| products.one_more())).await;
    let order = Uuid::now_v7();
    for command in [hold(&[(mug, 1)]), Sell, Release] {
        let message = in_envelope(order, command);
        let outcomes = join_all(consumers.iter().map(|consumer| consumer.handle(&message))).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Done)).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Duplicate)).count(), 7);
    }
    assert_eq!(products.instance.events_of(order).await.len(), 3);
    assert_eq!(products.stock(mug).await, [10, 10, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_the_stream_get_replies_from_any_instance() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 10).await;
    for _ in 0..3 {
        products.one_more().await.run();
    }
    for _ in 0..40 {
        products.instance.send(&in_envelope(Uuid::now_v7(), hold(&[(mug, 1)]))).await;
    }
    let replies = wait_for("forty replies", async || {
        Some(products.instance.events().await).filter(|events| events.len() >= 40)
    })
    .await;
    let held = replies.iter().filter(|event| matches!(event.message, Event::StockHeld { .. })).count();
    assert_eq!((replies.len(), held), (40, 10));
    assert_eq!(products.stock(mug).await, [10, 0, 10, 0]);
    wait_for("the stream of commands to be empty", async || {
        products.instance.stored(stream::COMMANDS).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn garbage_among_the_commands_becomes_dead_letters_and_the_next_command_is_processed() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 10).await;
    let stream = products.one_more().await.bus.jetstream;
    products.one_more().await.run();
    let line = |quantity: &str| {
        format!(
            r#"{{"id": "{}", "schema": 1, "aggregate_id": "{}", "aggregate_version": 1, "occurred_at": "2026-11-22T10:00:00Z",
                    "type": "products.hold", "data": {{"lines": [{{"product_id": "{}", "quantity": {quantity}}}]}}}}"#,
            Uuid::now_v7(),
            Uuid::now_v7(),
            mug.0
        )
    };
    let bad = [
        "garbage".into(),
        "\u{0}".into(),
        "{}".into(),
        line("0"),
        line("-1"),
        line("1001"),
        line("1.5"),
        line("\"1\""),
    ];
    for payload in &bad {
        stream.publish("commands.products.hold", payload.clone().into()).await.unwrap().await.unwrap();
    }
    products.instance.send(&in_envelope(Uuid::now_v7(), Sell)).await;
    stream.publish("commands.products.hold", line("2").into()).await.unwrap().await.unwrap();
    wait_for("the reply to the valid command", async || {
        matches!(products.instance.events().await.as_slice(), [event] if matches!(event.message, Event::StockHeld { .. }))
            .then_some(())
    })
    .await;
    let dead =
        async || (products.instance.stored(stream::DEAD_LETTERS).await.len() == bad.len() + 1).then_some(());
    wait_for("the others to be dead letters", dead).await;
    assert_eq!(products.stock(mug).await, [10, 8, 2, 0]);
}

#[tokio::test]
async fn one_key_restocks_once_whichever_instance_handles_it() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 0).await;
    let other = products.one_more().await;
    let key = web::IdempotencyKey::parse("delivery-1").unwrap();
    let (here, there) = tokio::join!(
        products.instance.app.restock(products.staff, &key, "{}", mug, 7),
        other.app.restock(products.staff, &key, "{}", mug, 7),
    );
    let (here, there) = (here.unwrap().into_response(), there.unwrap().into_response());
    let is_replayed = |response: &Response| response.headers().contains_key("idempotency-replayed");
    assert!(is_replayed(&here) != is_replayed(&there), "one of them restocked");
    let body = async |response: Response| to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(body(here).await, body(there).await);
    assert_eq!(products.stock(mug).await, [7, 7, 0, 0]);
}

#[tokio::test]
async fn the_commands_of_an_order_can_be_processed_by_different_instances() {
    let products = Products::open().await;
    let (mug, order) = (products.product("Mug", 100, 5).await, Uuid::now_v7());
    let (one, other) = (products.one_more().await, products.one_more().await);
    one.execute(order, hold(&[(mug, 2)])).await;
    assert_eq!(other.execute(order, Sell).await, Event::StockSold);
    assert_eq!(one.execute(order, Release).await, Event::StockReleased);
    let sold = products.get(&format!("/products/{}/stock", mug.0)).await;
    assert_eq!((sold.status, &sold.body["available"]), (StatusCode::OK, &5.into()));
}
