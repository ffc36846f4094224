//! The consumer loop: fetching messages and acknowledging them.

use std::sync::atomic::Ordering;

use async_nats::jetstream::{
    AckKind,
    consumer::{PullConsumer, pull},
};
use chassis::inbox::Consumer;
use contracts::stream;
use futures::StreamExt;
use testbed::wait_for;

use crate::harness::{Instance, Recorder, USER_EVENTS, World, payload, renamed};

async fn publish(service: &Instance, name: &str) {
    service.publish("events.user.renamed", payload(&renamed(name))).await;
}

/// Starts the consumer loop, as `main` does.
fn consume(service: &Instance, recorder: &Recorder) {
    tokio::spawn(service.consumer(recorder.clone()).run());
}

async fn wait_for_effects(service: &Instance, expected: &[&str]) {
    let reached = async || {
        let mut effects = service.effects().await;
        effects.sort();
        (effects == expected).then_some(())
    };
    wait_for(&format!("the effects {expected:?}"), reached).await;
}

/// Waits until every message is acknowledged.
async fn wait_until_idle(service: &Instance) {
    wait_for("the consumer to be idle", async || (service.pending().await == Some(0)).then_some(())).await;
}

/// The durable consumer of the service, for a test that fetches messages itself.
async fn pull_consumer(service: &Instance) -> PullConsumer {
    let config: pull::Config = stream::consumer_config("service", USER_EVENTS);
    service.bus.jetstream.create_consumer_on_stream(config, stream::EVENTS).await.unwrap()
}

#[tokio::test]
async fn a_good_message_after_garbage_is_processed() {
    let world = World::start().await;
    let service = world.instance().await;
    let recorder = Recorder::default();
    consume(&service, &recorder);
    service.publish("events.user.renamed", "garbage \u{1F980}").await;
    service.publish("events.user.renamed", r#"{"type": "user.eaten"}"#).await;
    service.publish("events.user.renamed", "").await;
    service.publish("events.user.renamed", &b"\xff\xfe\x00"[..]).await;
    publish(&service, "Ada").await;
    wait_for_effects(&service, &["Ada"]).await;
    wait_until_idle(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 4);
}

#[tokio::test]
async fn a_dead_letter_contains_the_payload_the_reason_and_the_subject() {
    let world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    let poison = payload(&renamed("Poison"));
    service.publish("events.user.renamed", poison.clone()).await;
    wait_until_idle(&service).await;
    let [letter] = service.stored(stream::DEAD_LETTERS).await.try_into().unwrap();
    assert_eq!((letter.subject.as_str(), &letter.payload), ("dead.service", &poison));
    assert_eq!(letter.headers.get("Reason").unwrap().as_str(), "this name is not allowed");
    assert_eq!(letter.headers.get("Subject").unwrap().as_str(), "events.user.renamed");
}

#[tokio::test]
async fn a_message_that_two_consumers_reject_is_a_dead_letter_of_each() {
    let world = World::start().await;
    let service = world.instance().await;
    service.publish("events.user.renamed", "garbage").await;
    for name in ["one", "other"] {
        let config = stream::consumer_config(name, USER_EVENTS);
        let (db, bus) = (&service.db, &service.bus);
        tokio::spawn(Consumer::new(db, bus, stream::EVENTS, config, Recorder::default()).run());
    }
    let both = async || {
        let letters = service.stored(stream::DEAD_LETTERS).await;
        let mut dead: Vec<_> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        dead.sort_unstable();
        (dead == ["dead.one", "dead.other"]).then_some(())
    };
    wait_for("both dead letters", both).await;
}

/// All messages are published before the loop starts, so that it fetches them in one batch.
#[tokio::test]
async fn bad_messages_in_a_batch_do_not_affect_the_others() {
    let world = World::start().await;
    let service = world.instance().await;
    for name in ["Ada", "Trouble", "Bob", "Poison", "Cleo", "Panic", "Dora"] {
        publish(&service, name).await;
    }
    service.publish("events.user.renamed", "garbage").await;
    let recorder = Recorder::default();
    consume(&service, &recorder);
    wait_for_effects(&service, &["Ada", "Bob", "Cleo", "Dora"]).await;
    recorder.healed.store(true, Ordering::Relaxed);
    wait_for_effects(&service, &["Ada", "Bob", "Cleo", "Dora", "Panic", "Trouble"]).await;
    wait_until_idle(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 2);
}

/// The test naks the first thirty deliveries; the service gets the next one.
#[tokio::test]
async fn a_failure_that_may_be_transient_is_never_a_dead_letter() {
    let world = World::start().await;
    let service = world.instance().await;
    publish(&service, "Trouble").await;
    let mut messages = pull_consumer(&service).await.messages().await.unwrap();
    for attempt in 1..=30 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().delivered, attempt);
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
    drop(messages);

    let recorder = Recorder::default();
    consume(&service, &recorder);
    let failed = async || (!recorder.attempts.lock().unwrap().is_empty()).then_some(());
    wait_for("a failed attempt", failed).await;
    publish(&service, "Ada").await;
    wait_for_effects(&service, &["Ada"]).await;
    recorder.healed.store(true, Ordering::Relaxed);
    wait_for_effects(&service, &["Ada", "Trouble"]).await;
    wait_until_idle(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 0);
}

/// Another process holds the lock for longer than a transaction waits for it (5 s), and longer than the server waits for
/// an acknowledgement (3 s).
#[tokio::test]
async fn a_message_that_waits_for_a_locked_database_is_processed_once_it_is_unlocked() {
    let world = World::start().await;
    let service = world.instance().await;
    let mut other = world.sqlite().await;
    sqlx::query("begin immediate").execute(&mut other).await.unwrap();
    let observer = world.nats.connect().await;
    let mut acknowledgements = observer.subscribe("$JS.ACK.EVENTS.service.>").await.unwrap();
    observer.flush().await.unwrap();
    consume(&service, &Recorder::default());
    publish(&service, "Ada").await;
    let mut reports = 0;
    let failed = async {
        while &*acknowledgements.next().await.unwrap().payload == b"+WPI" {
            reports += 1;
        }
    };
    tokio::time::timeout(testbed::TIMEOUT, failed).await.expect("the lock was waited for in vain");
    assert!(reports >= 3, "the message was reported to be in progress {reports} times");
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    wait_for_effects(&service, &["Ada"]).await;
    wait_until_idle(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 0);
}

#[tokio::test]
async fn a_message_on_which_the_handler_always_panics_becomes_a_dead_letter() {
    let world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    publish(&service, "Panic").await;
    publish(&service, "Ada").await;
    wait_until_idle(&service).await;
    let [letter] = service.stored(stream::DEAD_LETTERS).await.try_into().unwrap();
    assert_eq!(letter.headers.get("Reason").unwrap().as_str(), "the handler panicked (5 times)");
    assert_eq!(service.effects().await, ["Ada"]);
}

#[tokio::test]
async fn a_processed_message_that_was_not_acknowledged_has_no_second_effect() {
    let world = World::start().await;
    let service = world.instance().await;
    publish(&service, "Ada").await;
    let recorder = Recorder::default();
    let crashing = service.consumer(recorder.clone());
    crashing.handle_one(&service.stored(stream::EVENTS).await[0].payload).await;
    consume(&service, &recorder);
    publish(&service, "Bob").await;
    wait_until_idle(&service).await;
    assert_eq!(service.effects().await, ["Ada", "Bob"]);
    assert_eq!(*recorder.attempts.lock().unwrap(), ["Ada", "Bob"]);
}

#[tokio::test]
async fn the_instances_of_a_service_share_the_messages() {
    let world = World::start().await;
    let (one, other) = (world.instance().await, world.instance().await);
    let (here, there) = (Recorder::default(), Recorder::default());
    consume(&one, &here);
    consume(&other, &there);
    let mut published = 0;
    let shared = async || {
        publish(&one, "Ada").await;
        published += 1;
        let by_both = !here.attempts.lock().unwrap().is_empty() && !there.attempts.lock().unwrap().is_empty();
        by_both.then_some(())
    };
    wait_for("both instances to process a message", shared).await;
    wait_until_idle(&one).await;
    assert_eq!(one.effects().await.len(), published);
    assert_eq!(here.attempts.lock().unwrap().len() + there.attempts.lock().unwrap().len(), published);
}

#[tokio::test]
async fn consuming_continues_after_nats_is_killed_and_restarted() {
    let mut world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    publish(&service, "Ada").await;
    wait_until_idle(&service).await;
    for (name, effects) in [("Bob", vec!["Ada", "Bob"]), ("Cleo", vec!["Ada", "Bob", "Cleo"])] {
        world.nats.kill();
        world.nats.start_again().await;
        publish(&world.instance().await, name).await;
        wait_for_effects(&service, &effects).await;
    }
    wait_until_idle(&service).await;
}

#[tokio::test]
async fn a_consumer_that_is_deleted_on_the_server_is_created_again() {
    let world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    publish(&service, "Ada").await;
    wait_for_effects(&service, &["Ada"]).await;
    service.bus.jetstream.delete_consumer_from_stream("service", stream::EVENTS).await.unwrap();
    publish(&service, "Bob").await;
    wait_for_effects(&service, &["Ada", "Bob"]).await;
    wait_until_idle(&service).await;
}
