//! The products service for one test, with helpers for common requests.

use std::path::PathBuf;

use async_nats::jetstream::message::StreamMessage;
use chassis::{
    Bus, db,
    inbox::{Consumer, Outcome},
    outbox::Relay,
    requests::Requests,
    web,
};
use clap::Parser;
use contracts::{
    Command, Envelope, Event,
    caller::{Caller, Role, UserId},
    stock::{ProductId, Quantity, WantedLine},
    stream,
};
use http::{Request, StatusCode};
use products::{App, Config, NAME};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Client, Nats, Response};
use uuid::Uuid;

/// The service. One instance serves requests; commands are processed when a test calls for it.
pub struct Products {
    pub nats: Nats,
    pub client: Client,
    pub instance: Instance,
    pub staff: Caller,
    folder: TempDir,
}

/// One instance of the service.
pub struct Instance {
    pub app: App,
    pub bus: Bus,
    consumer: Consumer<App>,
}

impl Products {
    pub async fn open() -> Self {
        let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
        let instance = instance(&nats, folder.path().join("products.db")).await;
        let router = web::with_middleware(products::router().with_state(instance.app.clone()));
        let requests = Requests::subscribe(&instance.bus, NAME, "0.8.0", router).await.unwrap();
        tokio::spawn(requests.serve(std::future::pending()));
        let client = Client::for_service(NAME, &nats).await;
        Self { client, instance, staff: new_caller(Role::Staff), nats, folder }
    }

    /// Another instance, on the same database.
    pub async fn one_more(&self) -> Instance {
        instance(&self.nats, self.folder.path().join("products.db")).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(path, Some(self.staff)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.post_keyed(path, &Uuid::now_v7().to_string(), body).await
    }

    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Response {
        self.client.json(Request::post(path).header("idempotency-key", key), Some(self.staff), body).await
    }

    pub async fn patch(&self, product: ProductId, body: Value) -> Response {
        self.client.json(Request::patch(format!("/products/{}", product.0)), Some(self.staff), body).await
    }

    /// Adds a product, and returns its id.
    pub async fn product(&self, name: &str, cents: i64, stock: i64) -> ProductId {
        let body = json!({"name": name, "price": {"amount": cents, "currency": "EUR"}, "stock": stock});
        let added = self.post("/products", body).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
        ProductId(added.body["id"].as_str().unwrap().parse().unwrap())
    }

    /// `[received, available, held, sold]` of a product.
    pub async fn stock(&self, product: ProductId) -> [i64; 4] {
        let stock = self.get(&format!("/products/{}/stock", product.0)).await.body;
        ["received", "available", "held", "sold"].map(|column| stock[column].as_i64().unwrap())
    }

    /// Processes a command, and returns the event that replies to it.
    pub async fn execute(&self, order: Uuid, command: Command) -> Event {
        self.instance.execute(order, command).await
    }

    /// Processes a command that must be rejected, and returns the reason.
    pub async fn rejection(&self, order: Uuid, command: Command) -> String {
        match self.instance.handle(&in_envelope(order, command)).await {
            Outcome::Reject(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

impl Instance {
    /// Processes a message as if it came from the stream.
    pub async fn handle(&self, command: &Envelope<Command>) -> Outcome {
        self.consumer.handle_one(&serde_json::to_vec(command).unwrap().into()).await
    }

    /// Processes a command, and returns the event that replies to it.
    pub async fn execute(&self, order: Uuid, command: Command) -> Event {
        let outcome = self.handle(&in_envelope(order, command)).await;
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        self.events_of(order).await.pop().unwrap().message
    }

    /// The unpublished events about an order, oldest first.
    pub async fn events_of(&self, order: Uuid) -> Vec<Envelope<Event>> {
        let mut conn = self.app.db().read().await.unwrap();
        let events: Vec<String> =
            sqlx::query_scalar("select message from outbox where aggregate_id = $1 order by seq")
                .bind(order.hyphenated())
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        events.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
    }

    /// Starts the relay and the consumer, as `main` does.
    pub fn run(self) {
        tokio::spawn(Relay::new(self.app.db(), &self.bus).run());
        tokio::spawn(self.consumer.run());
    }

    /// Publishes a command, as orders does.
    pub async fn send(&self, command: &Envelope<Command>) {
        let payload = serde_json::to_vec(command).unwrap().into();
        let subject = format!("commands.{}", contracts::Message::kind(&command.message));
        self.bus.jetstream.publish(subject, payload).await.unwrap().await.unwrap();
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

    /// All published events, oldest first.
    pub async fn events(&self) -> Vec<Envelope<Event>> {
        let stored = self.stored(stream::EVENTS).await;
        stored.iter().map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
    }
}

async fn instance(nats: &Nats, database: PathBuf) -> Instance {
    let mut config = Config::parse_from(["products"]);
    config.database = database;
    let app = App::open(&config).await.unwrap();
    let bus = Bus::connect(NAME, &nats.url()).await.unwrap();
    Instance { consumer: products::consumer(&app, &bus), app, bus }
}

pub fn new_caller(role: Role) -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role }
}

/// A command in a new envelope.
pub fn in_envelope(order: Uuid, command: Command) -> Envelope<Command> {
    Envelope::new(order, 1, db::now(), command)
}

/// A command to hold these quantities.
pub fn hold(lines: &[(ProductId, i64)]) -> Command {
    let line =
        |&(product_id, quantity)| WantedLine { product_id, quantity: Quantity::parse(quantity).unwrap() };
    Command::Hold { lines: lines.iter().map(line).collect() }
}
