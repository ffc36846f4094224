use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use chassis::{db, outbox::Relay};
use contracts::{Envelope, Event, stream};
use futures::StreamExt;
use jiff::SignedDuration;
use testbed::until;
use uuid::Uuid;

use crate::harness::{Instance, World, payload, renamed, renamed_again};

fn relay(instance: &Instance) -> Relay {
    Relay::new(&instance.db, &instance.bus)
}

/// Publishes until there is nothing that this relay may publish, and says how many messages it was.
async fn drain(relay: &Relay) -> usize {
    let mut published = 0;
    loop {
        match relay.run_once().await.unwrap() {
            0 => return published,
            more => published += more,
        }
    }
}

fn names<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let name = |payload| match serde_json::from_slice::<Envelope<Event>>(payload).unwrap().message {
        Event::UserRenamed { name } => name,
        other => panic!("{other:?}"),
    };
    payloads.into_iter().map(name).collect()
}

async fn stored_names(instance: &Instance) -> Vec<String> {
    let stored = instance.stored(stream::EVENTS).await;
    names(stored.iter().map(|message| &*message.payload))
}

#[tokio::test]
async fn what_was_committed_is_published_as_it_was_written_and_once() {
    let world = World::start().await;
    let service = world.instance().await;
    let event = renamed("Ada");
    service.commit(std::slice::from_ref(&event)).await;
    assert_eq!(drain(&relay(&service)).await, 1);
    assert_eq!(drain(&relay(&service)).await, 0);
    let [stored] = service.stored(stream::EVENTS).await.try_into().unwrap();
    assert_eq!((stored.subject.as_str(), &stored.payload), ("events.user.renamed", &payload(&event)));
    assert_eq!(stored.headers.get("Nats-Msg-Id").unwrap().as_str(), event.id.to_string());
    assert_eq!(service.unpublished().await, 0);
}

#[tokio::test]
async fn what_was_rolled_back_is_not_published() {
    let world = World::start().await;
    let service = world.instance().await;
    let mut tx = service.db.write().await.unwrap();
    chassis::outbox::put(&mut tx, &renamed("Nobody")).await.unwrap();
    drop(tx);
    assert_eq!(drain(&relay(&service)).await, 0);
    assert!(service.stored(stream::EVENTS).await.is_empty());
}

#[tokio::test]
async fn a_round_takes_the_oldest_message_of_each_aggregate() {
    let world = World::start().await;
    let service = world.instance().await;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let events = [
        renamed_again(ada, 1, "Ada 1"),
        renamed_again(ada, 2, "Ada 2"),
        renamed_again(bob, 1, "Bob 1"),
        renamed_again(ada, 3, "Ada 3"),
    ];
    service.commit(&events).await;
    let relay = relay(&service);
    for (round, both) in [(2, true), (1, false), (1, false), (0, false)] {
        assert_eq!(relay.run_once().await.unwrap(), round);
        assert!(!both || stored_names(&service).await.len() == 2);
    }
    let mut names = stored_names(&service).await;
    names.retain(|name| name.starts_with("Ada"));
    assert_eq!(names, ["Ada 1", "Ada 2", "Ada 3"]);
}

/// What the stream would drop as a double does not count here: everything that is sent is heard.
#[tokio::test]
async fn two_relays_at_once_publish_each_message_once_and_each_aggregate_in_order() {
    let world = World::start().await;
    let (one, other) = (world.instance().await, world.instance().await);
    let listener = world.nats.connect().await;
    let mut heard = listener.subscribe("events.>").await.unwrap();
    listener.flush().await.unwrap();
    let users: Vec<_> = (0..40).map(|_| Uuid::now_v7()).collect();
    for version in 1..=5 {
        let of =
            |(number, user): (usize, &Uuid)| renamed_again(*user, version, &format!("{number}/{version}"));
        one.commit(&users.iter().enumerate().map(of).collect::<Vec<_>>()).await;
    }
    let (here, there) = (relay(&one), relay(&other));
    while one.unpublished().await > 0 {
        let (here, there) = tokio::join!(here.run_once(), there.run_once());
        assert!(here.is_ok() && there.is_ok(), "{here:?} {there:?}");
    }
    let mut names = Vec::new();
    while names.len() < 200 {
        names.extend(self::names([&*heard.next().await.unwrap().payload]));
    }
    for number in 0..users.len() {
        let of_user = names.iter().filter(|name| name.starts_with(&format!("{number}/")));
        let in_order = [1, 2, 3, 4, 5].map(|version| format!("{number}/{version}"));
        assert!(of_user.eq(&in_order), "{names:?}");
    }
    listener.publish("events.last", "".into()).await.unwrap();
    assert_eq!(heard.next().await.unwrap().subject.as_str(), "events.last", "and nothing twice");
}

#[tokio::test]
async fn a_younger_message_does_not_overtake_one_that_is_in_another_relays_hands() {
    let world = World::start().await;
    let service = world.instance().await;
    let ada = Uuid::now_v7();
    service.commit(&[renamed_again(ada, 1, "Ada 1"), renamed_again(ada, 2, "Ada 2"), renamed("Bob")]).await;
    service
        .execute(
            "update outbox set owner = 'another', owned_until = '9999-01-01T00:00:00.000000Z' where seq = 1",
        )
        .await;
    assert_eq!(drain(&relay(&service)).await, 1);
    assert_eq!(stored_names(&service).await, ["Bob"]);
}

#[tokio::test]
async fn what_a_dead_relay_had_in_hand_comes_back_when_its_lease_is_over() {
    let mut world = World::start().await;
    let (dead, alive) = (world.instance().await, world.instance().await);
    dead.commit(&[renamed("Ada")]).await;
    world.nats.kill();
    let has_taken = async || (dead.number("select count(owner) from outbox").await == 1).then_some(());
    let dying = relay(&dead);
    tokio::select! {
        biased;
        _ = dying.run_once() => panic!("there is nobody to publish to"),
        () = until("the relay to take a message", has_taken) => {}
    }
    drop((dying, dead));

    world.nats.start_again().await;
    assert_eq!(drain(&relay(&alive)).await, 0, "it is not over yet");
    alive.execute("update outbox set owned_until = '2026-01-01T00:00:00.000000Z'").await; // as if it were then
    let relay = relay(&alive);
    let again = async || relay.run_once().await.ok().filter(|published| *published == 1);
    until("the message to be published", again).await;
    assert_eq!(stored_names(&alive).await, ["Ada"]);
}

#[tokio::test]
async fn a_lease_is_three_seconds_from_when_it_was_given() {
    let mut world = World::start().await;
    let service = world.instance().await;
    service.commit(&[renamed("Ada")]).await;
    world.nats.kill();
    let before = db::now();
    let relay = relay(&service);
    let lease = async || {
        let query = "select max(owned_until) from outbox";
        let until: Option<String> =
            sqlx::query_scalar(query).fetch_one(&mut *service.db.read().await.unwrap()).await.unwrap();
        until
    };
    let until = tokio::select! {
        biased;
        _ = relay.run_once() => panic!("there is nobody to publish to"),
        lease = until("the relay to take a message", lease) => lease,
    };
    let lease = until.parse::<jiff::Timestamp>().unwrap().duration_since(before);
    assert!(lease >= SignedDuration::from_secs(3) && lease < SignedDuration::from_secs(20), "{lease:#}");
}

#[tokio::test]
async fn what_the_stream_does_not_acknowledge_stays_and_may_be_tried_again_at_once() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.jetstream.delete_stream(stream::EVENTS).await.unwrap();
    service.commit(&[renamed("Ada")]).await;
    let relay = relay(&service);
    relay.run_once().await.unwrap_err();
    assert_eq!(service.number("select count(*) from outbox where owner is null").await, 1);
    let again = world.instance().await; // which makes the stream again
    assert_eq!(drain(&relay).await, 1);
    assert_eq!(stored_names(&again).await, ["Ada"]);
}

/// It died after the stream had the message and before its row was deleted.
#[tokio::test]
async fn what_is_published_again_is_in_the_stream_once() {
    let world = World::start().await;
    let service = world.instance().await;
    let event = renamed("Ada");
    service.commit(std::slice::from_ref(&event)).await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", event.id.to_string());
    let first = service.bus.jetstream.publish_with_headers("events.user.renamed", headers, payload(&event));
    first.await.unwrap().await.unwrap();
    assert_eq!(drain(&relay(&service)).await, 1);
    assert_eq!(stored_names(&service).await, ["Ada"]);
}

#[tokio::test]
async fn nothing_is_lost_when_nats_is_killed_and_comes_back() {
    let mut world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(relay(&service).run());
    service.commit(&[renamed("before")]).await;
    let published = async || (service.unpublished().await == 0).then_some(());
    until("the outbox to be empty", published).await;
    world.nats.kill();
    for name in ["while away 1", "while away 2"] {
        service.commit(&[renamed(name)]).await;
    }
    world.nats.start_again().await;
    service.commit(&[renamed("after")]).await;
    until("the outbox to be empty", published).await;
    let mut names = stored_names(&world.instance().await).await;
    names.sort();
    assert_eq!(names, ["after", "before", "while away 1", "while away 2"]);
}

/// Ten commits, each made when the relay has nothing to do: who looked once a second would need ten.
#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(relay(&service).run());
    let begin = Instant::now();
    for _ in 0..10 {
        service.commit(&[renamed("Ada")]).await;
        until("the relay to publish", async || (service.unpublished().await == 0).then_some(())).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_relay_also_finds_what_another_process_has_left() {
    let world = World::start().await;
    let (writer, other) = (world.instance().await, world.instance().await);
    tokio::spawn(relay(&other).run());
    writer.commit(&[renamed("Ada")]).await;
    let published = async || (writer.unpublished().await == 0).then_some(());
    until("the other process's relay to publish", published).await;
}
