//! The loop around the inbox: what comes from the stream, and what the stream hears of it.

use std::sync::atomic::Ordering;

use async_nats::jetstream::{
    AckKind,
    consumer::{PullConsumer, pull},
};
use chassis::inbox::Consumer;
use contracts::stream;
use futures::StreamExt;
use testbed::until;

use crate::harness::{Instance, Recorder, World, payload, renamed};

async fn publish(service: &Instance, name: &str) {
    service.publish("events.user.renamed", payload(&renamed(name))).await;
}

/// Starts the loop, as a process does.
fn consume(service: &Instance, recorder: &Recorder) {
    tokio::spawn(service.consumer(recorder.clone()).run());
}

async fn until_effects(service: &Instance, expected: &[&str]) {
    let there = async || {
        let mut effects = service.effects().await;
        effects.sort();
        (effects == expected).then_some(())
    };
    until(&format!("the effects {expected:?}"), there).await;
}

/// Waits until nothing waits: then what was acknowledged is what is done.
async fn until_at_rest(service: &Instance) {
    until("the consumer to be done", async || (service.waiting().await == Some(0)).then_some(())).await;
}

/// The consumer as the service makes it, in the hands of the test.
async fn hand(service: &Instance) -> PullConsumer {
    let config: pull::Config = stream::consumer("service", &["events.user.>"]);
    service.bus.jetstream.create_consumer_on_stream(config, stream::EVENTS).await.unwrap()
}

#[tokio::test]
async fn after_garbage_comes_a_good_message() {
    let world = World::start().await;
    let service = world.instance().await;
    let recorder = Recorder::default();
    consume(&service, &recorder);
    service.publish("events.user.renamed", "garbage \u{1F980}").await;
    service.publish("events.user.eaten", r#"{"type": "user.eaten"}"#).await;
    service.publish("events.user.renamed", "").await;
    service.publish("events.user.renamed", &b"\xff\xfe\x00"[..]).await;
    publish(&service, "Ada").await;
    until_effects(&service, &["Ada"]).await;
    until_at_rest(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 4);
}

#[tokio::test]
async fn a_dead_letter_has_the_payload_and_says_why_and_where_it_was() {
    let world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    let poison = payload(&renamed("Poison"));
    service.publish("events.user.renamed", poison.clone()).await;
    until_at_rest(&service).await;
    let [letter] = service.stored(stream::DEAD_LETTERS).await.try_into().unwrap();
    assert_eq!((letter.subject.as_str(), &letter.payload), ("dead.service", &poison));
    assert_eq!(letter.headers.get("Reason").unwrap().as_str(), "nobody is called so");
    assert_eq!(letter.headers.get("Subject").unwrap().as_str(), "events.user.renamed");
}

#[tokio::test]
async fn what_is_poison_to_two_services_is_a_dead_letter_of_each() {
    let world = World::start().await;
    let service = world.instance().await;
    service.publish("events.user.renamed", "garbage").await;
    for name in ["one", "other"] {
        let config = stream::consumer(name, &["events.user.>"]);
        let (db, bus) = (&service.db, &service.bus);
        tokio::spawn(Consumer::new(db, bus, stream::EVENTS, config, Recorder::default()).run());
    }
    let both = async || {
        let letters = service.stored(stream::DEAD_LETTERS).await;
        let mut dead: Vec<_> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        dead.sort_unstable();
        (dead == ["dead.one", "dead.other"]).then_some(())
    };
    until("both letters", both).await;
}

/// All are there before the loop begins, so that it takes them at once.
#[tokio::test]
async fn bad_messages_in_a_batch_do_not_keep_the_others_from_being_handled() {
    let world = World::start().await;
    let service = world.instance().await;
    for name in ["Ada", "Trouble", "Bob", "Poison", "Cleo", "Panic", "Dora"] {
        publish(&service, name).await;
    }
    service.publish("events.user.renamed", "garbage").await;
    let recorder = Recorder::default();
    consume(&service, &recorder);
    until_effects(&service, &["Ada", "Bob", "Cleo", "Dora"]).await;
    recorder.healed.store(true, Ordering::Relaxed);
    until_effects(&service, &["Ada", "Bob", "Cleo", "Dora", "Panic", "Trouble"]).await;
    until_at_rest(&service).await;
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 2);
}

/// Nineteen times it comes back to the stream, here by the test's hand; the twentieth is the service's.
#[tokio::test]
async fn what_fails_for_the_twentieth_time_goes_to_the_dead_letters() {
    let world = World::start().await;
    let service = world.instance().await;
    publish(&service, "Trouble").await;
    let mut messages = hand(&service).await.messages().await.unwrap();
    for tries in 1..20 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.info().unwrap().delivered, tries);
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
    drop(messages);

    let recorder = Recorder::default();
    consume(&service, &recorder);
    publish(&service, "Ada").await;
    until_at_rest(&service).await;
    let [letter] = service.stored(stream::DEAD_LETTERS).await.try_into().unwrap();
    assert_eq!(letter.headers.get("Reason").unwrap().as_str(), "cannot write: the pen is  broken, 20 times");
    assert_eq!(service.effects().await, ["Ada"]);
}

#[tokio::test]
async fn what_was_handled_and_not_acknowledged_comes_again_and_has_no_second_effect() {
    let world = World::start().await;
    let service = world.instance().await;
    publish(&service, "Ada").await;
    let recorder = Recorder::default();
    let dying = service.consumer(recorder.clone());
    dying.handle_one(&service.stored(stream::EVENTS).await[0].payload).await;
    consume(&service, &recorder);
    publish(&service, "Bob").await;
    until_at_rest(&service).await;
    assert_eq!(service.effects().await, ["Ada", "Bob"]);
    assert_eq!(*recorder.tried.lock().unwrap(), ["Ada", "Bob"]);
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
        let by_both = !here.tried.lock().unwrap().is_empty() && !there.tried.lock().unwrap().is_empty();
        by_both.then_some(())
    };
    until("both to have handled something", shared).await;
    until_at_rest(&one).await;
    assert_eq!(one.effects().await.len(), published);
    assert_eq!(here.tried.lock().unwrap().len() + there.tried.lock().unwrap().len(), published);
}

#[tokio::test]
async fn the_loop_goes_on_when_nats_is_killed_and_comes_back() {
    let mut world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    publish(&service, "Ada").await;
    until_at_rest(&service).await;
    for (name, effects) in [("Bob", vec!["Ada", "Bob"]), ("Cleo", vec!["Ada", "Bob", "Cleo"])] {
        world.nats.kill();
        world.nats.start_again().await;
        publish(&world.instance().await, name).await;
        until_effects(&service, &effects).await;
    }
    until_at_rest(&service).await;
}

#[tokio::test]
async fn a_consumer_that_is_deleted_on_the_server_is_made_again() {
    let world = World::start().await;
    let service = world.instance().await;
    consume(&service, &Recorder::default());
    publish(&service, "Ada").await;
    until_effects(&service, &["Ada"]).await;
    service.bus.jetstream.delete_consumer_from_stream("service", stream::EVENTS).await.unwrap();
    publish(&service, "Bob").await;
    until_effects(&service, &["Ada", "Bob"]).await;
    until_at_rest(&service).await;
}

#[tokio::test]
async fn a_stream_that_is_not_there_yet_is_waited_for() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.jetstream.delete_stream(stream::EVENTS).await.unwrap();
    consume(&service, &Recorder::default());
    let again = world.instance().await; // which makes the stream again
    publish(&again, "Ada").await;
    until_effects(&service, &["Ada"]).await;
}
