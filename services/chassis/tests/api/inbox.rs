use std::sync::atomic::Ordering;

use bytes::Bytes;
use chassis::inbox::Outcome;
use contracts::{Envelope, Event, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Recorder, World, payload, renamed};

#[tokio::test]
async fn a_message_that_is_delivered_twice_has_one_effect() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Ada"));
    assert!(matches!(consumer.handle_one(&message).await, Outcome::Done));
    assert!(matches!(consumer.handle_one(&message).await, Outcome::Duplicate));
    assert_eq!(service.effects().await, ["Ada"]);
}

#[tokio::test]
async fn a_message_that_two_instances_receive_at_once_has_one_effect() {
    let world = World::start().await;
    let (one, other) = (world.instance().await, world.instance().await);
    let (here, there) = (one.consumer(Recorder::default()), other.consumer(Recorder::default()));
    for _ in 0..20 {
        let message = payload(&renamed("Ada"));
        let outcomes = tokio::join!(here.handle_one(&message), there.handle_one(&message));
        assert!(
            matches!(outcomes, (Outcome::Done, Outcome::Duplicate) | (Outcome::Duplicate, Outcome::Done)),
            "{outcomes:?}"
        );
    }
    assert_eq!(one.effects().await.len(), 20);
}

#[tokio::test]
async fn a_failed_message_leaves_no_trace_and_is_processed_when_it_is_redelivered() {
    let world = World::start().await;
    let service = world.instance().await;
    let recorder = Recorder::default();
    let consumer = service.consumer(recorder.clone());
    for name in ["Trouble", "Panic"] {
        recorder.healed.store(false, Ordering::Relaxed);
        let message = payload(&renamed(name));
        assert!(matches!(consumer.handle_one(&message).await, Outcome::Retry(_)), "{name}");
        assert_eq!(service.effects().await, [""; 0], "{name}");
        assert_eq!(service.number("select count(*) from inbox").await, 0, "{name}");

        recorder.healed.store(true, Ordering::Relaxed);
        assert!(matches!(consumer.handle_one(&message).await, Outcome::Done), "{name}");
        assert_eq!(service.effects().await, [name]);
        service.execute("delete from effects").await;
        service.execute("delete from inbox").await;
    }
}

#[tokio::test]
async fn a_rejected_message_leaves_no_trace_and_has_a_reason() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Poison"));
    let outcome = consumer.handle_one(&message).await;
    assert!(
        matches!(&outcome, Outcome::Reject(reason) if reason == "this name is not allowed"),
        "{outcome:?}"
    );
    assert_eq!(service.effects().await, [""; 0]);
    assert_eq!(service.number("select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn a_payload_that_is_not_a_valid_message_is_rejected() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let good = || serde_json::to_value(renamed("Ada")).unwrap();
    let with = |field: &str, value: Value| {
        let mut message = good();
        message[field] = value;
        message.to_string()
    };
    let without = |field: &str| {
        let mut message = good();
        message.as_object_mut().unwrap().remove(field).unwrap();
        message.to_string()
    };
    let mut bad = ["", "{", "null", "[]", "{}", "\"user.renamed\"", "0"].map(String::from).to_vec();
    bad.push("[".repeat(100_000));
    bad.push(payload(&renamed("Ada")).escape_ascii().to_string());
    bad.extend(
        ["id", "schema", "aggregate_id", "aggregate_version", "occurred_at", "type", "data"].map(without),
    );
    bad.extend([
        with("id", json!("7")),
        with("aggregate_id", json!(7)),
        with("aggregate_version", json!("first")),
        with("occurred_at", json!("yesterday")),
        with("schema", json!(-1)),
        with("type", json!(null)),
        with("data", json!({})),
        with("data", json!({"name": 7})),
        with("data", json!("Ada")),
    ]);
    for bad in bad {
        let outcome = consumer.handle_one(&Bytes::from(bad.clone())).await;
        assert!(matches!(outcome, Outcome::Reject(_)), "{outcome:?}: {}", &bad[..bad.len().min(300)]);
    }
    let not_text = consumer.handle_one(&Bytes::from_static(b"\xff\xfe\x00")).await;
    assert!(matches!(not_text, Outcome::Reject(_)), "{not_text:?}");
    assert_eq!(service.number("select count(*) from inbox").await, 0);
    assert!(
        matches!(consumer.handle_one(&payload(&renamed("Ada"))).await, Outcome::Done),
        "the consumer continues"
    );
}

/// A newer instance knows the type. It may even have changed the kind of the data.
#[tokio::test]
async fn a_message_of_an_unknown_type_is_not_rejected() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let mut newer = serde_json::to_value(renamed("Ada")).unwrap();
    newer["type"] = json!("user.eaten");
    for data in [json!({"name": "Ada"}), json!(null), json!([7])] {
        newer["data"] = data;
        let outcome = consumer.handle_one(&newer.to_string().into()).await;
        assert!(matches!(&outcome, Outcome::Unknown(kind) if kind == "user.eaten"), "{outcome:?}");
    }
    assert_eq!(service.number("select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn messages_of_older_and_newer_schemas_are_processed() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let mut older = renamed("Ada");
    older.schema = 0;
    assert!(matches!(consumer.handle_one(&payload(&older)).await, Outcome::Done));
    let mut newer = serde_json::to_value(renamed("Bob")).unwrap();
    newer["schema"] = json!(2);
    newer["mood"] = json!({"now": "good"});
    newer["data"]["pronouns"] = json!(["they"]);
    assert!(matches!(consumer.handle_one(&newer.to_string().into()).await, Outcome::Done));
    assert_eq!(service.effects().await, ["Ada", "Bob"]);
}

/// A service may consume only some of the events of a stream: what it does with the others is up to its handler.
#[tokio::test]
async fn the_handler_decides_which_events_it_rejects() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let sold = Envelope::new(Uuid::now_v7(), 1, chassis::db::now(), Event::StockSold);
    let outcome = consumer.handle_one(&payload(&sold)).await;
    assert!(
        matches!(&outcome, Outcome::Reject(reason) if reason == "the event is not about a user"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn ids_are_kept_longer_than_the_stream_stores_the_messages() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Ada"));
    let handle = async || consumer.handle_one(&message).await;
    handle().await;
    let now = chassis::db::now();
    chassis::retention::prune(&service.db, now + stream::EVENT_RETENTION).await.unwrap();
    assert!(matches!(handle().await, Outcome::Duplicate));
    chassis::retention::prune(&service.db, now + 2 * stream::EVENT_RETENTION).await.unwrap();
    assert!(matches!(handle().await, Outcome::Done));
}
