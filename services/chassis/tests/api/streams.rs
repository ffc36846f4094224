//! Streams and consumers that are missing or out of date.

use std::sync::{Arc, Mutex};

use async_nats::jetstream::stream::Config;
use chassis::{
    db,
    inbox::{Consumer, Handler, HandlerError},
    outbox::Relay,
};
use contracts::{Envelope, Message, stream};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use testbed::wait_for;
use uuid::Uuid;

use crate::harness::{Instance, Recorder, World, payload, renamed};

async fn wait_until_ready(service: &Instance) {
    wait_for("the service to be ready", async || service.bus.ready().await.ok()).await;
}

#[tokio::test]
async fn streams_and_consumers_are_created_again_after_the_server_has_lost_its_store() {
    let mut world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(Relay::new(&service.db, &service.bus).run());
    tokio::spawn(service.consumer(Recorder::default()).run());
    service.commit(&[renamed("before")]).await;
    wait_for("the first effect", async || (service.effects().await == ["before"]).then_some(())).await;

    world.nats.kill();
    world.nats.lose_store();
    service.commit(&[renamed("while down")]).await;
    world.nats.start_again().await;
    service.commit(&[renamed("after")]).await;
    let all = async || (service.effects().await.len() == 3).then_some(());
    wait_for("the messages to be published and consumed", all).await;
    wait_until_ready(&service).await;
}

/// Such as users, which consumes nothing and publishes seldom.
#[tokio::test]
async fn a_service_that_uses_no_stream_creates_them_again_after_a_reconnect() {
    let mut world = World::start().await;
    let service = world.instance().await;
    world.nats.kill();
    wait_for("not being ready", async || service.bus.ready().await.err()).await;
    world.nats.lose_store();
    world.nats.start_again().await;
    for config in stream::configs() {
        let exists = async || service.bus.jetstream.get_stream(&config.name).await.ok();
        wait_for(&format!("the stream {}", config.name), exists).await;
    }
    service.bus.ready().await.unwrap();
}

#[tokio::test]
async fn a_service_is_not_ready_while_a_stream_is_missing_and_creates_it() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.ready().await.unwrap();
    service.bus.jetstream.delete_stream(stream::COMMANDS).await.unwrap();
    assert_eq!(service.bus.ready().await, Err("the stream COMMANDS is missing".to_owned()));
    wait_until_ready(&service).await;
}

#[tokio::test]
async fn a_missing_stream_is_created_when_a_message_is_published_to_it() {
    let world = World::start().await;
    let service = world.instance().await;
    tokio::spawn(Relay::new(&service.db, &service.bus).run());
    service.bus.jetstream.delete_stream(stream::EVENTS).await.unwrap();
    service.commit(&[renamed("Ada")]).await;
    wait_for("the message to be published", async || (service.unpublished().await == 0).then_some(())).await;
    assert_eq!(service.stored(stream::EVENTS).await.len(), 1);
}

#[tokio::test]
async fn a_missing_stream_is_created_when_a_consumer_needs_it() {
    let world = World::start().await;
    let service = world.instance().await;
    service.bus.jetstream.delete_stream(stream::EVENTS).await.unwrap();
    tokio::spawn(service.consumer(Recorder::default()).run());
    wait_for("the stream", async || service.bus.jetstream.get_stream(stream::EVENTS).await.ok()).await;
    service.publish("events.user.renamed", payload(&renamed("Ada"))).await;
    wait_for("the effect", async || (service.effects().await == ["Ada"]).then_some(())).await;
}

async fn stored_config(service: &Instance) -> Config {
    service.bus.jetstream.get_stream(stream::EVENTS).await.unwrap().cached_info().config.clone()
}

#[tokio::test]
async fn older_settings_of_a_stream_are_updated_and_newer_ones_are_kept() {
    let world = World::start().await;
    let service = world.instance().await;
    let ours = stored_config(&service).await;
    let mut older = Config { max_age: ours.max_age / 2, ..ours.clone() };
    older.metadata.clear();
    service.bus.jetstream.update_stream(&older).await.unwrap();
    world.instance().await;
    assert_eq!(stored_config(&service).await.max_age, ours.max_age);

    let mut newer = Config { max_age: 2 * ours.max_age, ..ours.clone() };
    newer.metadata.values_mut().for_each(|version| *version = "4000000000".to_owned());
    service.bus.jetstream.update_stream(&newer).await.unwrap();
    world.instance().await;
    assert_eq!(stored_config(&service).await.max_age, 2 * ours.max_age);
}

/// The events of the next release: a new type, and a new optional field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum NextEvent {
    #[serde(rename = "user.renamed")]
    Renamed {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pronouns: Option<String>,
    },
    #[serde(rename = "user.deleted")]
    Deleted { name: String },
}

impl Message for NextEvent {
    const SUBJECT_PREFIX: &'static str = "events";
    const KINDS: &'static [&'static str] = &["user.renamed", "user.deleted"];

    fn kind(&self) -> &'static str {
        match self {
            Self::Renamed { .. } => "user.renamed",
            Self::Deleted { .. } => "user.deleted",
        }
    }
}

/// The handler of the next release.
#[derive(Clone, Default)]
struct NextRecorder {
    pronouns: Arc<Mutex<Vec<String>>>,
}

impl Handler for NextRecorder {
    type Message = NextEvent;

    async fn handle(
        &self,
        tx: &mut SqliteConnection,
        event: &Envelope<NextEvent>,
    ) -> Result<(), HandlerError> {
        let name = match &event.message {
            NextEvent::Renamed { name, pronouns } => {
                self.pronouns.lock().unwrap().extend(pronouns.clone());
                name.clone()
            }
            NextEvent::Deleted { name } => format!("{name} deleted"),
        };
        sqlx::query("insert into effects (name) values ($1)").bind(name).execute(tx).await?;
        Ok(())
    }
}

fn start_next(service: &Instance) -> (NextRecorder, tokio::task::JoinHandle<()>) {
    let recorder = NextRecorder::default();
    let config = stream::consumer_config("service", NextEvent::subjects());
    let consumer = Consumer::new(&service.db, &service.bus, stream::EVENTS, config, recorder.clone());
    (recorder, tokio::spawn(consumer.run()))
}

async fn publish_next(service: &Instance, event: NextEvent) {
    let subject = format!("events.{}", event.kind());
    let payload = serde_json::to_vec(&Envelope::new(Uuid::now_v7(), 1, db::now(), event)).unwrap();
    service.bus.jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
}

async fn wait_for_effects(service: &Instance, count: usize) {
    let reached = async || (service.effects().await.len() == count).then_some(());
    wait_for(&format!("{count} effects"), reached).await;
}

async fn subscribes_to(service: &Instance, subject: &str) -> bool {
    let stream = service.bus.jetstream.get_stream(stream::EVENTS).await.unwrap();
    let Ok(info) = stream.consumer_info("service").await else { return false };
    info.config.filter_subjects.iter().any(|filter| filter == subject)
}

/// An old instance runs, a new one joins it, the old one restarts, and the new one is down for a while.
#[tokio::test]
async fn a_new_type_and_a_new_field_pass_through_a_rolling_change() {
    let world = World::start().await;
    let service = world.instance().await;
    let old = tokio::spawn(service.consumer(Recorder::default()).run());
    service.publish("events.user.renamed", payload(&renamed("Ada"))).await;
    wait_for_effects(&service, 1).await;

    let (new, running) = start_next(&service);
    let subscribed = async || subscribes_to(&service, "events.user.deleted").await.then_some(());
    wait_for("the new instance to subscribe to the new type", subscribed).await;
    for number in 0..10 {
        let (name, pronouns) = (format!("user {number}"), Some("they".to_owned()));
        publish_next(&service, NextEvent::Renamed { name: name.clone(), pronouns }).await;
        publish_next(&service, NextEvent::Deleted { name }).await;
    }
    wait_for_effects(&service, 21).await;

    old.abort();
    running.abort();
    let restarted = tokio::spawn(service.consumer(Recorder::default()).run());
    publish_next(&service, NextEvent::Deleted { name: "Bob".to_owned() }).await;
    service.publish("events.user.renamed", payload(&renamed("Cleo"))).await;
    wait_for_effects(&service, 22).await;
    assert!(subscribes_to(&service, "events.user.deleted").await, "the old instance keeps the new subject");

    start_next(&service);
    wait_for_effects(&service, 23).await;
    restarted.abort();
    let mut effects = service.effects().await;
    effects.retain(|name| name.ends_with("deleted"));
    assert_eq!(effects.len(), 11, "{effects:?}");
    assert!(effects.contains(&"Bob deleted".to_owned()));
    assert!(new.pronouns.lock().unwrap().iter().all(|pronouns| pronouns == "they"));
    assert_eq!(service.stored(stream::DEAD_LETTERS).await.len(), 0);
}
