//! The service of products for one test, and what every test asks of it.

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
use testbed::{Answer, Client, Nats};
use uuid::Uuid;

/// The service: one instance answers requests, and commands are handled when the test says so.
pub struct Products {
    pub nats: Nats,
    pub client: Client,
    pub instance: Instance,
    pub staff: Caller,
    folder: TempDir,
}

/// One process of the service.
pub struct Instance {
    pub app: App,
    pub bus: Bus,
    consumer: Consumer<App>,
}

impl Products {
    pub async fn open() -> Self {
        let (nats, folder) = (Nats::start().await, tempfile::tempdir().unwrap());
        let instance = instance(&nats, folder.path().join("products.db")).await;
        let router = web::whole(products::router().with_state(instance.app.clone()));
        let requests = Requests::take(&instance.bus, NAME, "0.8.0", router).await.unwrap();
        tokio::spawn(requests.answer(std::future::pending()));
        let client = Client::of(NAME, &nats).await;
        Self { client, instance, staff: somebody(Role::Staff), nats, folder }
    }

    /// Another instance, on the same database.
    pub async fn one_more(&self) -> Instance {
        instance(&self.nats, self.folder.path().join("products.db")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path, Some(self.staff)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_keyed(path, &Uuid::now_v7().to_string(), body).await
    }

    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Answer {
        self.client.json(Request::post(path).header("idempotency-key", key), Some(self.staff), body).await
    }

    pub async fn patch(&self, product: ProductId, body: Value) -> Answer {
        self.client.json(Request::patch(format!("/products/{}", product.0)), Some(self.staff), body).await
    }

    /// A new product's id.
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

    /// Handles a command, and gives what orders are told.
    pub async fn ask(&self, order: Uuid, command: Command) -> Event {
        self.instance.ask(order, command).await
    }

    /// Handles a command that is poison, and gives the reason.
    pub async fn refuse(&self, order: Uuid, command: Command) -> String {
        match self.instance.handle(&asked(order, command)).await {
            Outcome::Poison(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

impl Instance {
    /// Handles a message as it would come from the stream.
    pub async fn handle(&self, command: &Envelope<Command>) -> Outcome {
        self.consumer.handle_one(&serde_json::to_vec(command).unwrap().into()).await
    }

    /// Handles a command, and gives what orders are told.
    pub async fn ask(&self, order: Uuid, command: Command) -> Event {
        let outcome = self.handle(&asked(order, command)).await;
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
        self.told(order).await.pop().unwrap().message
    }

    /// All that was told of an order and is not published, oldest first.
    pub async fn told(&self, order: Uuid) -> Vec<Envelope<Event>> {
        let mut conn = self.app.db().read().await.unwrap();
        let told: Vec<String> =
            sqlx::query_scalar("select message from outbox where aggregate_id = $1 order by seq")
                .bind(order.hyphenated())
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        told.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
    }

    /// Publishes and consumes from now on, as a process does.
    pub fn run(self) {
        tokio::spawn(Relay::new(self.app.db(), &self.bus).run());
        tokio::spawn(self.consumer.run());
    }

    /// Sends a command, as orders does.
    pub async fn send(&self, command: &Envelope<Command>) {
        let payload = serde_json::to_vec(command).unwrap().into();
        let subject = format!("commands.{}", contracts::Message::kind(&command.message));
        self.bus.jetstream.publish(subject, payload).await.unwrap().await.unwrap();
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

    /// All that orders have heard, oldest first.
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

pub fn somebody(role: Role) -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role }
}

/// A command as it comes for the first time.
pub fn asked(order: Uuid, command: Command) -> Envelope<Command> {
    Envelope::new(order, 1, db::now(), command)
}

/// Asks to hold so many of each.
pub fn hold(lines: &[(ProductId, i64)]) -> Command {
    let line =
        |&(product_id, quantity)| WantedLine { product_id, quantity: Quantity::parse(quantity).unwrap() };
    Command::Hold { lines: lines.iter().map(line).collect() }
}
