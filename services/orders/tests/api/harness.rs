//! The service of orders for one test, and what every test asks of it. The test is products and users.

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
use testbed::{Answer, Client, Nats, until};
use tokio::runtime::{self, Runtime};
use uuid::Uuid;
use wiremock::MockServer;

/// The service with what it stands on. Its provider answers 404 until a test says otherwise.
pub struct Orders {
    pub nats: Nats,
    pub provider: MockServer,
    pub client: Client,
    pub bus: Bus,
    pub customer: Caller,
    pub staff: Caller,
    folder: TempDir,
    /// Each instance has a runtime of its own, as a process has: to end it is to end every task of it, and nothing else.
    processes: Vec<Runtime>,
}

/// What of the service runs beside the requests.
#[derive(Clone, Copy, PartialEq)]
pub enum Background {
    All,
    /// It died before any of it could begin.
    Nothing,
}

impl Orders {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Opens the service with settings, as they would stand on its command line.
    pub async fn open_with(settings: &[&str]) -> Self {
        let mut orders = Self::closed().await;
        orders.start(settings, Background::All).await;
        orders
    }

    /// The service before any instance of it is started.
    pub async fn closed() -> Self {
        let nats = Nats::start().await;
        Self {
            provider: MockServer::start().await,
            client: Client::of(NAME, &nats).await,
            bus: Bus::connect("test", &nats.url()).await.unwrap(),
            customer: somebody(Role::Customer),
            staff: somebody(Role::Staff),
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
        config.standing.nats_url = self.nats.url();
        let process = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = process.spawn(async move {
            let app = App::open(&config).await.unwrap();
            let bus = Bus::connect(NAME, &config.standing.nats_url).await.unwrap();
            if background == Background::All {
                tokio::spawn(Relay::new(app.db(), &bus).run());
                tokio::spawn(orders::consumer(&app, &bus).run());
                tokio::spawn(orders::run_worker(app.clone()));
            }
            let router = web::whole(orders::router().with_state(app));
            let requests = Requests::take(&bus, NAME, "0.8.0", router).await.unwrap();
            tokio::spawn(requests.answer(std::future::pending()));
        });
        opened.await.unwrap();
        self.processes.push(process);
    }

    /// Ends every instance with all that it has under way.
    pub fn crash(&mut self) {
        self.processes.drain(..).for_each(Runtime::shutdown_background);
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("orders.db")
    }

    /// The database behind the service's back.
    pub async fn sqlite(&self) -> SqliteConnection {
        SqliteConnection::connect(&format!("sqlite://{}", self.database().display())).await.unwrap()
    }

    /// A number that the database knows.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.sqlite().await).await.unwrap()
    }

    pub async fn get(&self, path: &str, caller: Caller) -> Answer {
        self.client.get(path, Some(caller)).await
    }

    pub async fn post(&self, path: &str, caller: Caller, body: Value) -> Answer {
        self.post_keyed(path, caller, &Uuid::now_v7().to_string(), body).await
    }

    pub async fn post_keyed(&self, path: &str, caller: Caller, key: &str, body: Value) -> Answer {
        self.client.json(Request::post(path).header("idempotency-key", key), Some(caller), body).await
    }

    /// The id of a new order of two units of one product.
    pub async fn place(&self) -> Uuid {
        let placed = self.post("/orders", self.customer, two()).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
        placed.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// The id of a new order whose stock is held, for 25.00 in all.
    pub async fn place_and_hold(&self) -> Uuid {
        let order = self.place().await;
        self.tell(order, held()).await;
        self.until(order, "awaiting_payment").await;
        order
    }

    pub async fn pay(&self, order: Uuid) -> Answer {
        self.post(&format!("/orders/{order}/payment"), self.customer, json!({"source": "tok_ok"})).await
    }

    pub async fn cancel(&self, order: Uuid) -> Answer {
        self.post(&format!("/orders/{order}/cancellation"), self.customer, json!({})).await
    }

    pub async fn read(&self, order: Uuid) -> Value {
        self.get(&format!("/orders/{order}"), self.customer).await.body
    }

    /// Waits until an order has a status, and gives the order.
    pub async fn until(&self, order: Uuid, status: &str) -> Value {
        let there = async || Some(self.read(order).await).filter(|order| order["status"] == status);
        until(&format!("the order {order} to be {status}"), there).await
    }

    /// Tells something of an order or a customer, as products and users do.
    pub async fn tell(&self, about: Uuid, event: Event) {
        self.send(&Envelope::new(about, 1, db::now(), event)).await;
    }

    /// Sends an event.
    pub async fn send(&self, event: &Envelope<Event>) {
        let payload = serde_json::to_vec(event).unwrap();
        self.send_raw(event.message.subject(), payload).await;
    }

    /// Sends anything.
    pub async fn send_raw(&self, subject: String, payload: Vec<u8>) {
        self.bus.jetstream.publish(subject, payload.into()).await.unwrap().await.unwrap();
    }

    /// Waits until everything that was told is handled.
    pub async fn until_heard(&self) {
        until("every event to be handled", async || {
            let stream = self.bus.jetstream.get_stream(stream::EVENTS).await.ok()?;
            let consumer = stream.consumer_info(NAME).await.ok()?;
            (consumer.num_pending == 0 && consumer.num_ack_pending == 0).then_some(())
        })
        .await;
    }

    /// What products was asked for an order so far, oldest first.
    pub async fn asked(&self, order: Uuid) -> Vec<Envelope<Command>> {
        let payloads = self.stored(stream::COMMANDS).await;
        let asked =
            payloads.iter().map(|payload| serde_json::from_slice::<Envelope<Command>>(payload).unwrap());
        asked.filter(|command| command.aggregate_id == order).collect()
    }

    /// Waits until products was asked so often for an order, and gives what it was asked.
    pub async fn until_asked(&self, order: Uuid, times: usize) -> Vec<Envelope<Command>> {
        let enough = async || Some(self.asked(order).await).filter(|asked| asked.len() >= times);
        until(&format!("products to be asked {times} times for the order {order}"), enough).await
    }

    /// The payloads that a stream holds, oldest first.
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

pub fn somebody(role: Role) -> Caller {
    Caller { id: UserId(Uuid::now_v7()), role }
}

/// The body of an order of two units of one product.
pub fn two() -> Value {
    json!({"items": [{"product_id": Uuid::now_v7(), "quantity": 2}]})
}

/// The one line of an order is held, at 12.50 a unit.
pub fn held() -> Event {
    Event::StockHeld { lines: vec![HeldLine { name: "Mug".into(), unit_price: Money::cents(1250) }] }
}

/// The statuses that an order has had.
pub fn history(order: &Value) -> Vec<&str> {
    order["history"].as_array().unwrap().iter().map(|entry| entry["status"].as_str().unwrap()).collect()
}
