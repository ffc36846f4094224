use std::sync::atomic::Ordering;

use bytes::Bytes;
use chassis::inbox::Outcome;
use contracts::{Envelope, Event, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Recorder, World, payload, renamed};

#[tokio::test]
async fn a_message_that_comes_twice_has_one_effect() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Ada"));
    assert!(matches!(consumer.handle_one(&message).await, Outcome::Done));
    assert!(matches!(consumer.handle_one(&message).await, Outcome::Repeated));
    assert_eq!(service.effects().await, ["Ada"]);
}

#[tokio::test]
async fn a_message_that_comes_to_two_instances_at_once_has_one_effect() {
    let world = World::start().await;
    let (one, other) = (world.instance().await, world.instance().await);
    let (here, there) = (one.consumer(Recorder::default()), other.consumer(Recorder::default()));
    for _ in 0..20 {
        let message = payload(&renamed("Ada"));
        let outcomes = tokio::join!(here.handle_one(&message), there.handle_one(&message));
        assert!(
            matches!(outcomes, (Outcome::Done, Outcome::Repeated) | (Outcome::Repeated, Outcome::Done)),
            "{outcomes:?}"
        );
    }
    assert_eq!(one.effects().await.len(), 20);
}

#[tokio::test]
async fn what_fails_leaves_neither_effect_nor_note_and_is_handled_when_it_comes_again() {
    let world = World::start().await;
    let service = world.instance().await;
    let recorder = Recorder::default();
    let consumer = service.consumer(recorder.clone());
    for name in ["Trouble", "Panic"] {
        recorder.healed.store(false, Ordering::Relaxed);
        let message = payload(&renamed(name));
        assert!(matches!(consumer.handle_one(&message).await, Outcome::Later(_)), "{name}");
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
async fn poison_leaves_nothing_and_says_why() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Poison"));
    let outcome = consumer.handle_one(&message).await;
    assert!(matches!(&outcome, Outcome::Poison(why) if why == "nobody is called so"), "{outcome:?}");
    assert_eq!(service.effects().await, [""; 0]);
    assert_eq!(service.number("select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn what_is_no_message_is_poison() {
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
        with("type", json!("user.eaten")),
        with("type", json!(null)),
        with("data", json!({})),
        with("data", json!({"name": 7})),
        with("data", json!("Ada")),
    ]);
    for bad in bad {
        let outcome = consumer.handle_one(&Bytes::from(bad.clone())).await;
        assert!(matches!(outcome, Outcome::Poison(_)), "{outcome:?}: {}", &bad[..bad.len().min(300)]);
    }
    let not_text = consumer.handle_one(&Bytes::from_static(b"\xff\xfe\x00")).await;
    assert!(matches!(not_text, Outcome::Poison(_)), "{not_text:?}");
    assert_eq!(service.number("select count(*) from inbox").await, 0);
    assert!(matches!(consumer.handle_one(&payload(&renamed("Ada"))).await, Outcome::Done), "and goes on");
}

#[tokio::test]
async fn messages_of_an_older_and_of_a_younger_schema_are_handled() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let mut older = renamed("Ada");
    older.schema = 0;
    assert!(matches!(consumer.handle_one(&payload(&older)).await, Outcome::Done));
    let mut younger = serde_json::to_value(renamed("Bob")).unwrap();
    younger["schema"] = json!(2);
    younger["mood"] = json!({"now": "good"});
    younger["data"]["pronouns"] = json!(["they"]);
    assert!(matches!(consumer.handle_one(&younger.to_string().into()).await, Outcome::Done));
    assert_eq!(service.effects().await, ["Ada", "Bob"]);
}

/// A service may read the stream of another for one kind of event: the others are poison only if it says so.
#[tokio::test]
async fn what_the_handler_does_not_want_is_its_own_decision() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let sold = Envelope::new(Uuid::now_v7(), 1, chassis::db::now(), Event::StockSold);
    let outcome = consumer.handle_one(&payload(&sold)).await;
    assert!(matches!(&outcome, Outcome::Poison(why) if why == "it is not about a user"), "{outcome:?}");
}

#[tokio::test]
async fn ids_are_remembered_for_longer_than_their_stream_keeps_the_message() {
    let world = World::start().await;
    let service = world.instance().await;
    let consumer = service.consumer(Recorder::default());
    let message = payload(&renamed("Ada"));
    let handle = async || consumer.handle_one(&message).await;
    handle().await;
    let now = chassis::db::now();
    chassis::forget::forget(&service.db, now + stream::EVENTS_KEPT_FOR).await.unwrap();
    assert!(matches!(handle().await, Outcome::Repeated));
    chassis::forget::forget(&service.db, now + 2 * stream::EVENTS_KEPT_FOR).await.unwrap();
    assert!(matches!(handle().await, Outcome::Done));
}
