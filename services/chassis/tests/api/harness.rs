//! A service that consists of the chassis only. It records the names in the events that it consumes.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::anyhow;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use chassis::{
    Bus, Db, db,
    inbox::{Consumer, Handler, HandlerError},
    outbox,
};
use contracts::{Envelope, Event, stream};
use sqlx::{Connection, SqliteConnection, migrate::Migrator};
use tempfile::TempDir;
use testbed::Nats;
use uuid::Uuid;

/// The subjects of the events about users.
pub const USER_EVENTS: [&str; 2] = ["events.user.registered", "events.user.renamed"];

/// What the instances of a service share: the NATS server and the database.
pub struct World {
    pub nats: Nats,
    folder: TempDir,
}

/// One instance of the service: its connections.
pub struct Instance {
    pub db: Db,
    pub bus: Bus,
}

impl World {
    pub async fn start() -> Self {
        Self { nats: Nats::start().await, folder: tempfile::tempdir().unwrap() }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("service.db")
    }

    /// A connection to the database of the service, as another process would open it.
    pub async fn sqlite(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite://{}", self.database().display())).await.unwrap()
    }

    pub async fn instance(&self) -> Instance {
        let db = Db::open(&self.database(), Migrator::with_migrations(vec![])).await.unwrap();
        let bus = Bus::connect("service", &self.nats.url()).await.unwrap();
        let mut tx = db.write().await.unwrap();
        let table = "create table if not exists effects (name text not null) strict";
        sqlx::query(table).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        Instance { db, bus }
    }
}

impl Instance {
    /// Writes messages to the outbox and commits, as a use case does.
    pub async fn commit(&self, events: &[Envelope<Event>]) {
        let mut tx = self.db.write().await.unwrap();
        for event in events {
            outbox::put(&mut tx, event).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Publishes any payload, and waits until the stream has stored it.
    pub async fn publish(&self, subject: &'static str, payload: impl Into<Bytes>) {
        self.bus.jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
    }

    /// A consumer of the events about users.
    pub fn consumer(&self, handler: Recorder) -> Consumer<Recorder> {
        let config = stream::consumer_config("service", USER_EVENTS);
        Consumer::new(&self.db, &self.bus, stream::EVENTS, config, handler)
    }

    /// The result of a query that returns a number.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut *self.db.read().await.unwrap()).await.unwrap()
    }

    /// The number of messages in the outbox.
    pub async fn unpublished(&self) -> i64 {
        self.number("select count(*) from outbox").await
    }

    /// Executes a statement that no use case would.
    pub async fn execute(&self, statement: &'static str) {
        let mut tx = self.db.write().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The recorded names, in order.
    pub async fn effects(&self) -> Vec<String> {
        let mut conn = self.db.read().await.unwrap();
        sqlx::query_scalar("select name from effects order by rowid").fetch_all(&mut *conn).await.unwrap()
    }

    /// The messages of a stream, oldest first.
    pub async fn stored(&self, stream: &str) -> Vec<StreamMessage> {
        let stream = self.bus.jetstream.get_stream(stream).await.unwrap();
        let mut stored = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            stored.extend(stream.get_raw_message(sequence).await);
        }
        stored
    }

    /// The number of messages that the consumer has not acknowledged yet. None if there is no consumer.
    pub async fn pending(&self) -> Option<u64> {
        let stream = self.bus.jetstream.get_stream(stream::EVENTS).await.ok()?;
        let consumer = stream.consumer_info("service").await.ok()?;
        Some(consumer.num_pending + consumer.num_ack_pending as u64)
    }
}

/// Records the names in events. Some names make it fail.
#[derive(Clone, Default)]
pub struct Recorder {
    /// Whether the failures that can be retried are over.
    pub healed: Arc<AtomicBool>,
    /// The name of every attempt.
    pub attempts: Arc<Mutex<Vec<String>>>,
}

impl Handler for Recorder {
    type Message = Event;

    /// The effect precedes the failure, so that a test can see whether it is rolled back.
    async fn handle(&self, tx: &mut SqliteConnection, event: &Envelope<Event>) -> Result<(), HandlerError> {
        let (Event::UserRenamed { name } | Event::UserRegistered { name }) = &event.message else {
            return Err(HandlerError::Reject("the event is not about a user".to_owned()));
        };
        self.attempts.lock().unwrap().push(name.clone());
        sqlx::query("insert into effects (name) values ($1)").bind(name).execute(tx).await?;
        match name.as_str() {
            "Poison" => Err(HandlerError::Reject("this name is not allowed".to_owned())),
            "Trouble" if !self.healed.load(Ordering::Relaxed) => {
                Err(anyhow!("the disk is\r\nfull").context("cannot write").into())
            }
            "Panic" if !self.healed.load(Ordering::Relaxed) => panic!("a bug"),
            _ => Ok(()),
        }
    }
}

/// An event about a new user.
pub fn renamed(name: &str) -> Envelope<Event> {
    renamed_again(Uuid::now_v7(), 1, name)
}

/// An event about this user.
pub fn renamed_again(user: Uuid, version: i64, name: &str) -> Envelope<Event> {
    Envelope::new(user, version, db::now(), Event::UserRenamed { name: name.to_owned() })
}

/// The message on the wire.
pub fn payload(event: &Envelope<Event>) -> Bytes {
    serde_json::to_vec(event).unwrap().into()
}
