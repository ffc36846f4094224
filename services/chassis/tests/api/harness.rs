//! A service that is nothing but the chassis: what it hears of, it writes down.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use anyhow::anyhow;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use chassis::{
    Bus, Db, db,
    inbox::{Consumer, Handle, NotHandled},
    outbox,
};
use contracts::{Envelope, Event, stream};
use sqlx::{SqliteConnection, migrate::Migrator};
use tempfile::TempDir;
use testbed::Nats;
use uuid::Uuid;

/// What the instances of a service share.
pub struct World {
    pub nats: Nats,
    folder: TempDir,
}

/// One process of the service, as far as it has connections.
pub struct Instance {
    pub db: Db,
    pub bus: Bus,
}

impl World {
    pub async fn start() -> Self {
        Self { nats: Nats::start().await, folder: tempfile::tempdir().unwrap() }
    }

    pub async fn instance(&self) -> Instance {
        let file = self.folder.path().join("service.db");
        let db = Db::open(&file, Migrator::with_migrations(vec![])).await.unwrap();
        let bus = Bus::connect("service", &self.nats.url()).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let table = "create table if not exists effects (name text not null) strict";
        sqlx::query(table).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        Instance { db, bus }
    }
}

impl Instance {
    /// Commits messages, as a use case does that has something to tell.
    pub async fn commit(&self, events: &[Envelope<Event>]) {
        let mut tx = self.db.write().await.unwrap();
        for event in events {
            outbox::put(&mut tx, event).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Publishes a payload, whatever it is, and waits until the stream has it.
    pub async fn publish(&self, subject: &'static str, payload: impl Into<Bytes>) {
        self.bus.jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
    }

    /// A consumer of the events of users.
    pub fn consumer(&self, handler: Recorder) -> Consumer<Recorder> {
        let config = stream::consumer("service", &["events.user.>"]);
        Consumer::new(&self.db, &self.bus, stream::EVENTS, config, handler)
    }

    /// A number that the database knows.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut *self.db.read().await.unwrap()).await.unwrap()
    }

    /// How many messages are not published yet.
    pub async fn unpublished(&self) -> i64 {
        self.number("select count(*) from outbox").await
    }

    /// Changes the database behind the service's back.
    pub async fn execute(&self, statement: &'static str) {
        let mut tx = self.db.write().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The names that were written down, in that order.
    pub async fn effects(&self) -> Vec<String> {
        let mut conn = self.db.read().await.unwrap();
        sqlx::query_scalar("select name from effects order by rowid").fetch_all(&mut *conn).await.unwrap()
    }

    /// All that a stream holds, oldest first.
    pub async fn stored(&self, stream: &str) -> Vec<StreamMessage> {
        let stream = self.bus.jetstream.get_stream(stream).await.unwrap();
        let mut stored = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            stored.extend(stream.get_raw_message(sequence).await);
        }
        stored
    }

    /// How many messages the consumer of users' events has not done with; none where there is no such consumer.
    pub async fn waiting(&self) -> Option<u64> {
        let stream = self.bus.jetstream.get_stream(stream::EVENTS).await.ok()?;
        let consumer = stream.consumer_info("service").await.ok()?;
        Some(consumer.num_pending + consumer.num_ack_pending as u64)
    }
}

/// Writes down the names that it hears of. Some names are trouble.
#[derive(Clone, Default)]
pub struct Recorder {
    /// Whether what went wrong so far goes well from now on.
    pub healed: Arc<AtomicBool>,
    /// Every name that was tried, each time.
    pub tried: Arc<Mutex<Vec<String>>>,
}

impl Handle for Recorder {
    type Message = Event;

    /// The effect comes before the trouble: so a test sees whether it is undone.
    async fn handle(&self, tx: &mut SqliteConnection, event: &Envelope<Event>) -> Result<(), NotHandled> {
        let (Event::UserRenamed { name } | Event::UserRegistered { name }) = &event.message else {
            return Err(NotHandled::Poison("it is not about a user".to_owned()));
        };
        self.tried.lock().unwrap().push(name.clone());
        sqlx::query("insert into effects (name) values ($1)").bind(name).execute(tx).await?;
        match name.as_str() {
            "Poison" => Err(NotHandled::Poison("nobody is called so".to_owned())),
            "Trouble" if !self.healed.load(Ordering::Relaxed) => {
                Err(anyhow!("the pen is\r\nbroken").context("cannot write").into())
            }
            "Panic" if !self.healed.load(Ordering::Relaxed) => panic!("a bug"),
            _ => Ok(()),
        }
    }
}

/// The news that somebody, whom nobody has heard of before, is called so.
pub fn renamed(name: &str) -> Envelope<Event> {
    renamed_again(Uuid::now_v7(), 1, name)
}

/// The news that somebody is called so now.
pub fn renamed_again(user: Uuid, version: i64, name: &str) -> Envelope<Event> {
    Envelope::new(user, version, db::now(), Event::UserRenamed { name: name.to_owned() })
}

/// A message as it is on the wire.
pub fn payload(event: &Envelope<Event>) -> Bytes {
    serde_json::to_vec(event).unwrap().into()
}
