//! The orders service for one test, with helpers for common requests. The test plays the roles of products and users.

use std::path::PathBuf;

use bytes::Bytes;
use chassis::{Bus, db, outbox::Relay, requests::Requests, web};
use clap::Parser;
use contracts::{
    Command, Envelope, Event, Message,
    caller::{Caller, Role, UserId},
    money::Money,
    stock::HeldLine,
    stream,
};
use http::{Request, StatusCode};
use orders::{App, Config, NAME};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use testbed::{Client, Nats, Response, wait_for};
use tokio::runtime::{self, Runtime};
use uuid::Uuid;
use wiremock::MockServer;

/// The service with its dependencies. The payment provider responds with 404 until a test mounts a response.
pub struct Orders {
    pub nats: Nats,
    pub provider: MockServer,
    pub client: Client,
    pub bus: Bus,
    pub customer: Caller,
    pub staff: Caller,
    folder: TempDir,
    /// Each instance has its own runtime, as it would have its own process: shutting it down ends every task of the
    /// instance and no other.
    processes: Vec<Runtime>,
}

/// Which background tasks run.
#[derive(Clone, Copy, PartialEq)]
pub enum Background {
    All,
    /// None, as if the process died before they started.
    None,
}

impl Orders {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Opens the service with these command-line arguments.
    pub async fn open_with(settings: &[&str]) -> Self {
        let mut orders = Self::without_instances().await;
        orders.start(settings, Background::All).await;
        orders
    }

    /// The service before its first instance is started.
    pub async fn without_instances() -> Self {
        let nats = Nats::start().await;
        Self {
            provider: MockServer::start().await,
            client: Client::for_service(NAME, &nats).await,
            bus: Bus::connect("test", &nats.url()).await.unwrap(),
            customer: new_caller(Role::Customer),
            staff: new_caller(Role::Staff),
            folder: tempfile::tempdir().unwrap(),
            processes: Vec::new(),
            nats,
        }
    }

    /// Starts an instance, as `main` does.
    pub async fn start(&mut self, settings: &[&str], background: Background) {
        let mut config = Config::parse_from(["orders"].iter().chain(settings));
        config.database = self.database();
        config.payments_url = self.provider.uri();
        config.common.nats_url = self.nats.url();
        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = process.spawn(async move {
            let app = App::open(&config).await.unwrap();
            let bus = Bus::connect(NAME, &config.common.nats_url).await.unwrap();
            if background == Background::All {
                tokio::spawn(Relay::new(app.db(), &bus).run());
                tokio::spawn(orders::consumer(&app, &bus).run());
                tokio::spawn(orders::run_worker(app.clone()));
            }
            let router = web::with_middleware(orders::router().with_state(app));
            let requests = Requests::subscribe(&bus, NAME, "0.8.0", router).await.unwrap();
            tokio::spawn(requests.serve(std::future::pending()));
        });
        opened.await.unwrap();
        self.processes.push(process);
    }

    /// Aborts every instance with everything that it has in flight.
    pub fn crash(&mut self) {
        self.processes.drain(..).for_each(Runtime::shutdown_background);
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("orders.db")
    }

    /// A connection to the database of the service.
    pub async fn sqlite(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite://{}", self.database().display())).await.unwrap()
    }

    /// The result of a query that returns a number.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.sqlite().await).await.unwrap()
    }

    pub async fn get(&self, path: &str, caller: Caller) -> Response {
        self.client.get(path, Some(caller)).await
    }

    pub async fn post(&self, path: &str, caller: Caller, body: Value) -> Response {
        self.post_keyed(path, caller, &Uuid::now_v7().to_string(), body).await
    }

    pub async fn post_keyed(&self, path: &str, caller: Caller, key: &str, body: Value) -> Response {
        self.client.json(Request::post(path).header("idempotency-key", key), Some(caller), body).await
    }

    /// Places an order of two units of one product, and returns its id.
    pub async fn place(&self) -> Uuid {
        let placed = self.post("/orders", self.customer, two()).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
        placed.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// Places an order and holds its stock, for a total of 25.00. Returns its id.
    pub async fn place_and_hold(&self) -> Uuid {
        let order = self.place().await;
        self.publish_event(order, held()).await;
        self.wait_for_status(order, "awaiting_payment").await;
        order
    }

    pub async fn pay(&self, order: Uuid) -> Response {
        self.post(&format!("/orders/{order}/payment"), self.customer, json!({"source": "tok_ok"})).await
    }

    pub async fn cancel(&self, order: Uuid) -> Response {
        self.post(&format!("/orders/{order}/cancellation"), self.customer, json!({})).await
    }

    pub async fn read(&self, order: Uuid) -> Value {
        self.get(&format!("/orders/{order}"), self.customer).await.body
    }

    /// Waits until an order has this status, and returns the order.
    pub async fn wait_for_status(&self, order: Uuid, status: &str) -> Value {
        let reached = async || Some(self.read(order).await).filter(|order| order["status"] == status);
        wait_for(&format!("the order {order} to be {status}"), reached).await
    }

    /// Publishes an event about an order or a customer, as products and users do.
    pub async fn publish_event(&self, aggregate_id: Uuid, event: Event) {
        self.publish(&Envelope::new(aggregate_id, 1, db::now(), event)).await;
    }

    /// Publishes an event with its envelope.
    pub async fn publish(&self, event: &Envelope<Event>) {
        let payload = serde_json::to_vec(event).unwrap();
        self.publish_raw(event.message.subject(), payload).await;
    }

    /// Publishes any payload.
    pub async fn publish_raw(&self, subject: String, payload: Vec<u8>) {
        self.bus.jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
    }

    /// Waits until every event is processed.
    pub async fn wait_until_idle(&self) {
        wait_for("every event to be processed", async || {
            let stream = self.bus.jetstream.get_stream(stream::EVENTS).await.ok()?;
            let consumer = stream.consumer_info(NAME).await.ok()?;
            (consumer.num_pending == 0 && consumer.num_ack_pending == 0).then_some(())
        })
        .await;
    }

    /// The commands that were sent for an order so far, oldest first.
    pub async fn commands(&self, order: Uuid) -> Vec<Envelope<Command>> {
        let payloads = self.stored(stream::COMMANDS).await;
        let commands =
            payloads.iter().map(|payload| serde_json::from_slice::<Envelope<Command>>(payload).unwrap());
        commands.filter(|command| command.aggregate_id == order).collect()
    }

    /// Waits until so many commands were sent for an order, and returns them. More may follow soon, because a command
    /// without a reply is sent again.
    pub async fn wait_for_commands(&self, order: Uuid, count: usize) -> Vec<Envelope<Command>> {
        let enough = async || Some(self.commands(order).await).filter(|commands| commands.len() >= count);
        let mut commands = wait_for(&format!("{count} commands for the order {order}"), enough).await;
        commands.truncate(count);
        commands
    }

    /// The payloads of a stream, oldest first.
    pub async fn stored(&self, stream: &str) -> Vec<Bytes> {
        let stream = self.bus.jetstream.get_stream(stream).await.unwrap();
        let mut stored = Vec::new();
        for sequence in 1..=stream.cached_info().state.last_sequence {
            stored.push(stream.get_raw_message(sequence).await.unwrap().payload);
        }
        stored
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.crash();
    }
}

pub fn new_caller(role: Role) -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role }
}

/// The body of an order of two units of one product.
pub fn two() -> Value {
    json!({"items": [{"product_id": Uuid::now_v7(), "quantity": 2}]})
}

/// The stock of an order with one line is held, at 12.50 a unit.
pub fn held() -> Event {
    Event::StockHeld { lines: vec![HeldLine { name: "Mug".into(), unit_price: Money::cents(1250) }] }
}

/// The statuses in the history of an order.
pub fn history(order: &Value) -> Vec<&str> {
    order["history"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap()).collect()
}
