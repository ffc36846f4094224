use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use chassis::{db, outbox::Relay};
use contracts::{Envelope, Event, stream};
use futures::StreamExt;
use jiff::SignedDuration;
use testbed::wait_for;
use uuid::Uuid;

use crate::harness::{Instance, World, payload, renamed, renamed_again};

fn relay(instance: &Instance) -> Relay {
    Relay::new(&instance.db, &instance.bus)
}

/// Publishes until there is nothing left that this relay may claim. Returns the number of messages.
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
async fn a_committed_message_is_published_unchanged_and_once() {
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
async fn a_message_that_was_rolled_back_is_not_published() {
    let world = World::start().await;
    let service = world.instance().await;
    let mut tx = service.db.write().await.unwrap();
    chassis::outbox::put(&mut tx, &renamed("Nobody")).await.unwrap();
    drop(tx);
    assert_eq!(drain(&relay(&service)).await, 0);
    assert!(service.stored(stream::EVENTS).await.is_empty());
}

#[tokio::test]
async fn a_batch_contains_the_oldest_message_of_each_aggregate() {
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

/// A plain subscription receives every message that is sent, also the duplicates that a stream would drop.
#[tokio::test]
async fn two_relays_publish_each_message_once_and_each_aggregate_in_order() {
    let world = World::start().await;
    let (one, other) = (world.instance().await, world.instance().await);
    let listener = world.nats.connect().await;
    let mut received = listener.subscribe("events.>").await.unwrap();
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
        names.extend(self::names([&*received.next().await.unwrap().payload]));
    }
    for number in 0..users.len() {
        let of_user = names.iter().filter(|name| name.starts_with(&format!("{number}/")));
        let in_order = [1, 2, 3, 4, 5].map(|version| format!("{number}/{version}"));
        assert!(of_user.eq(&in_order), "{names:?}");
    }
    listener.publish("events.last", "".into()).await.unwrap();
    assert_eq!(received.next().await.unwrap().subject.as_str(), "events.last", "no message was sent twice");
}

/// Another relay has claimed the oldest message. Its lease ends so much later.
async fn claim_first(service: &Instance, lease: &'static str) {
    let mut tx = service.db.write().await.unwrap();
    let claim = "update outbox set claimed_by = 'another', lease_expires_at = strftime('%FT%H:%M:%f000Z', 'now', $1) where seq = 1";
    sqlx::query(claim).bind(lease).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// A relay claimed the message, and then the clock was set back by an hour.
#[tokio::test]
async fn a_lease_that_ends_later_than_a_lease_can_last_has_expired() {
    let world = World::start().await;
    let service = world.instance().await;
    service.commit(&[renamed("Ada")]).await;
    claim_first(&service, "+1 hour").await;
    assert_eq!(drain(&relay(&service)).await, 1);
    assert_eq!(stored_names(&service).await, ["Ada"]);
}

#[tokio::test]
async fn a_newer_message_does_not_overtake_one_that_another_relay_has_claimed() {
    let world = World::start().await;
    let service = world.instance().await;
    let ada = Uuid::now_v7();
    service.commit(&[renamed_again(ada, 1, "Ada 1"), renamed_again(ada, 2, "Ada 2"), renamed("Bob")]).await;
    claim_first(&service, "+5 seconds").await;
    assert_eq!(drain(&relay(&service)).await, 1);
    assert_eq!(stored_names(&service).await, ["Bob"]);
}

#[tokio::test]
async fn a_relay_that_can_claim_nothing_does_not_wait_for_the_writer() {
    let world = World::start().await;
    let service = world.instance().await;
    let ada = Uuid::now_v7();
    service.commit(&[renamed_again(ada, 1, "Ada 1"), renamed_again(ada, 2, "Ada 2")]).await;
    claim_first(&service, "+5 seconds").await;
    let _busy = service.db.write().await.unwrap();
    let idle = tokio::time::timeout(Duration::from_secs(1), relay(&service).run_once()).await;
    assert_eq!(idle.expect("it waits for the writer").unwrap(), 0);
}

#[tokio::test]
async fn messages_of_a_dead_relay_can_be_claimed_after_its_lease_expires() {
    let mut world = World::start().await;
    let (dead, alive) = (world.instance().await, world.instance().await);
    dead.commit(&[renamed("Ada")]).await;
    world.nats.kill();
    let has_claimed = async || (dead.number("select count(claimed_by) from outbox").await == 1).then_some(());
    let crashing = relay(&dead);
    tokio::select! {
        biased;
        _ = crashing.run_once() => panic!("there is no server to publish to"),
        () = wait_for("the relay to claim a message", has_claimed) => {}
    }
    drop((crashing, dead));

    world.nats.start_again().await;
    assert_eq!(drain(&relay(&alive)).await, 0, "the lease has not expired");
    alive.execute("update outbox set lease_expires_at = '2026-01-01T00:00:00.000000Z'").await; // as if the time had passed
    let relay = relay(&alive);
    let again = async || relay.run_once().await.ok().filter(|published| *published == 1);
    wait_for("the message to be published", again).await;
    assert_eq!(stored_names(&alive).await, ["Ada"]);
}

#[tokio::test]
async fn messages_of_a_dead_relay_do_not_wait_for_as_long_as_the_clock_was_set_back() {
    let world = World::start().await;
    let service = world.instance().await;
    service.commit(&[renamed("Ada")]).await;
    let hour_ahead = db::to_column(db::now() + SignedDuration::from_hours(1));
    let mut tx = service.db.write().await.unwrap();
    let claim = sqlx::query("update outbox set claimed_by = 'dead', lease_expires_at = $1");
    claim.bind(hour_ahead).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let running = tokio::spawn(relay(&service).run());
    let published = async || (service.unpublished().await == 0).then_some(());
    wait_for("the message to be published", published).await;
    assert_eq!(stored_names(&service).await, ["Ada"]);
    running.abort();
}

#[tokio::test]
async fn a_lease_lasts_three_seconds_from_the_claim() {
    let mut world = World::start().await;
    let service = world.instance().await;
    service.commit(&[renamed("Ada")]).await;
    world.nats.kill();
    let before = db::now();
    let relay = relay(&service);
    let lease = async || {
        let query = "select max(lease_expires_at) from outbox";
        let until: Option<String> =
            sqlx::query_scalar(query).fetch_one(&mut *service.db.read().await.unwrap()).await.unwrap();
        until
    };
    let until = tokio::select! {
        biased;
        _ = relay.run_once() => panic!("there is no server to publish to"),
        lease = wait_for("the relay to claim a message", lease) => lease,
    };
    let claimed_at = until.parse::<jiff::Timestamp>().unwrap() - SignedDuration::from_secs(3);
    assert!((before..=db::now()).contains(&claimed_at), "{before} {until}");
}

#[tokio::test]
async fn a_message_that_is_not_acknowledged_stays_and_can_be_retried_at_once() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.jetstream.delete_stream(stream::EVENTS).await.unwrap();
    service.commit(&[renamed("Ada")]).await;
    let relay = relay(&service);
    relay.run_once().await.unwrap_err();
    assert_eq!(service.number("select count(*) from outbox where claimed_by is null").await, 1);
    let again = world.instance().await; // it creates the stream
    assert_eq!(drain(&relay).await, 1);
    assert_eq!(stored_names(&again).await, ["Ada"]);
}

/// A relay died after the stream had stored the message and before the row was deleted.
#[tokio::test]
async fn a_message_that_is_published_twice_is_stored_once() {
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
async fn nothing_is_lost_when_nats_is_killed_and_restarted() {
    let mut world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(relay(&service).run());
    service.commit(&[renamed("before")]).await;
    let published = async || (service.unpublished().await == 0).then_some(());
    wait_for("the outbox to be empty", published).await;
    world.nats.kill();
    for name in ["while down 1", "while down 2"] {
        service.commit(&[renamed(name)]).await;
    }
    world.nats.start_again().await;
    service.commit(&[renamed("after")]).await;
    wait_for("the outbox to be empty", published).await;
    let mut names = stored_names(&world.instance().await).await;
    names.sort();
    assert_eq!(names, ["after", "before", "while down 1", "while down 2"]);
}

/// Ten commits, each made while the relay is idle: polling once per second would take ten seconds.
#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(relay(&service).run());
    let begin = Instant::now();
    for _ in 0..10 {
        service.commit(&[renamed("Ada")]).await;
        wait_for("the relay to publish", async || (service.unpublished().await == 0).then_some(())).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_relay_publishes_messages_that_another_process_left_behind() {
    let world = World::start().await;
    let (writer, other) = (world.instance().await, world.instance().await);
    tokio::spawn(relay(&other).run());
    writer.commit(&[renamed("Ada")]).await;
    let published = async || (writer.unpublished().await == 0).then_some(());
    wait_for("the relay of the other process to publish", published).await;
}
