//! Orders and products in one process, without background tasks.

use axum::{Router, body::Body};
use bytes::Bytes;
use chassis::{
    Bus, Db,
    inbox::{Consumer, Handler, Outcome},
    outbox::Relay,
    web,
};
use clap::Parser;
use contracts::{
    call::Authentication,
    caller::{Caller, Role, UserId},
    stream,
};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Nats, wait_for};
use tokio::runtime::{self, Runtime};
use tower::ServiceExt;
use uuid::Uuid;
use wiremock::{Mock, MockServer, matchers::method};

use crate::provider::Ledger;

/// The server and the provider, which several sagas share: starting them takes longer than a saga.
pub struct Environment {
    nats: Nats,
    provider: MockServer,
    pub ledger: Ledger,
}

impl Environment {
    pub fn new() -> Self {
        let ledger = Ledger::default();
        let (nats, provider) = current_thread().block_on(async {
            let provider = MockServer::start().await;
            Mock::given(method("POST")).respond_with(ledger.clone()).mount(&provider).await;
            (Nats::start().await, provider)
        });
        Self { nats, provider, ledger }
    }
}

/// A shop in which every step is a function call of the test.
pub struct World<'a> {
    pub environment: &'a Environment,
    folder: TempDir,
    process: Process,
    staff: Caller,
    customer: Caller,
    /// The commands from orders to products.
    pub commands: Mailbox,
    /// The events from products to orders.
    pub events: Mailbox,
    /// The products, each with the number of its units.
    pub products: Vec<(Uuid, i64)>,
    pub orders: Vec<Uuid>,
    /// Whether a request to the provider may have been aborted by a crash.
    request_lost: bool,
}

/// Messages of one stream.
pub struct Mailbox {
    stream: &'static str,
    read: u64,
    /// Published and not delivered yet. A test may deliver any of them next.
    pub waiting: Vec<Bytes>,
    /// Delivered. A test may deliver any of them again.
    pub delivered: Vec<Bytes>,
}

struct Process {
    runtime: Runtime,
    bus: Bus,
    router: Router,
    orders: Service<orders::App>,
    products: Service<products::App>,
}

struct Service<A> {
    app: A,
    db: Db,
    relay: Relay,
    consumer: Consumer<A>,
}

impl<'a> World<'a> {
    pub fn new(environment: &'a Environment) -> Self {
        // In memory if possible: the tests crash processes, not machines, so waiting for a disk would add nothing.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let process = Process::start(environment, &folder);
        let [commands, events] = [stream::COMMANDS, stream::EVENTS].map(|stream| Mailbox {
            stream,
            read: process.last_sequence(stream),
            waiting: Vec::new(),
            delivered: Vec::new(),
        });
        let [staff, customer] =
            [Role::Staff, Role::Customer].map(|role| Caller { id: UserId(Uuid::now_v7()), role });
        let (products, orders) = (Vec::new(), Vec::new());
        Self {
            environment,
            folder,
            process,
            staff,
            customer,
            commands,
            events,
            products,
            orders,
            request_lost: false,
        }
    }

    /// Aborts the process with everything that it has in flight, and starts it again on the same databases.
    pub fn crash(&mut self) {
        let next = Process::start(self.environment, &self.folder);
        std::mem::replace(&mut self.process, next).runtime.shutdown_background();
        self.request_lost = true;
    }

    pub fn add_product(&mut self, stock: i64) {
        let body = json!({"name": "Mug", "price": {"amount": 1250, "currency": "EUR"}, "stock": stock});
        let (status, product) = self.post("/products", self.staff, &body);
        assert_eq!(status, StatusCode::CREATED, "{product}");
        self.products.push((product["id"].as_str().unwrap().parse().unwrap(), stock));
    }

    pub fn place(&mut self, quantity: i64) {
        let items = json!({"items": [{"product_id": self.products[0].0, "quantity": quantity}]});
        let (status, order) = self.post("/orders", self.customer, &items);
        assert_eq!(status, StatusCode::CREATED, "{order}");
        self.orders.push(order["id"].as_str().unwrap().parse().unwrap());
    }

    /// Requests the payment of an order, which may be refused. The responses of the provider are stored by
    /// [`World::settle_payments`].
    pub fn pay(&mut self, order: Uuid, source: &str) {
        let (status, _) =
            self.post(&format!("/orders/{order}/payment"), self.customer, &json!({"source": source}));
        assert!([StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    /// Requests the cancellation of an order, which may be refused.
    pub fn cancel(&mut self, order: Uuid) {
        let (status, _) = self.post(&format!("/orders/{order}/cancellation"), self.customer, &json!({}));
        assert!([StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    /// Requests the shipment of an order, which may be refused.
    pub fn ship(&mut self, order: Uuid) {
        let (status, _) = self.post(&format!("/orders/{order}/shipment"), self.staff, &json!({}));
        assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    pub fn read(&self, order: Uuid) -> Value {
        self.send(Request::get(format!("/orders/{order}")).body(Body::empty()).unwrap(), self.customer).1
    }

    /// Publishes the outbox of orders.
    pub fn relay_commands(&mut self) {
        self.process.drain(&self.process.orders.relay);
        self.process.fetch(&mut self.commands);
    }

    /// Publishes the outbox of products.
    pub fn relay_events(&mut self) {
        self.process.drain(&self.process.products.relay);
        self.process.fetch(&mut self.events);
    }

    /// Delivers one of the waiting commands, if there is any.
    pub fn deliver_command(&mut self, which: usize) {
        self.process.deliver(&self.process.products.consumer, &mut self.commands, which);
    }

    /// Delivers one of the waiting events, if there is any.
    pub fn deliver_event(&mut self, which: usize) {
        self.process.deliver(&self.process.orders.consumer, &mut self.events, which);
    }

    /// Delivers a command again.
    pub fn repeat_command(&self, which: usize) {
        self.process.repeat(&self.process.products.consumer, &self.commands, which);
    }

    /// Delivers an event again.
    pub fn repeat_event(&self, which: usize) {
        self.process.repeat(&self.process.orders.consumer, &self.events, which);
    }

    /// Sends every open request to the provider, and waits until the responses are stored.
    pub fn settle_payments(&mut self) {
        if self.open_payments() == 0 {
            return;
        }
        self.retry_lost_request();
        let settled = async || (open_payments(&self.process.orders.db).await == 0).then_some(());
        self.process.runtime.block_on(wait_for("the responses of the provider to be stored", settled));
    }

    fn retry_lost_request(&mut self) {
        if std::mem::take(&mut self.request_lost) {
            self.execute("update payment_attempts set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
            self.execute("update refunds set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
            self.process_due_work();
        }
    }

    /// The provider takes the money for an order, and the process crashes before the response is stored.
    pub fn charge_without_response(&mut self, order: Uuid) {
        self.retry_lost_request();
        self.environment.ledger.set_unresponsive(true);
        let charged =
            async || (self.environment.ledger.captured_and_refunded(&order.to_string()).0 == 1).then_some(());
        self.process.runtime.block_on(wait_for("the charge", charged));
        self.environment.ledger.set_unresponsive(false);
        self.crash();
    }

    /// Every open command to products passes its deadline.
    pub fn time_out(&self) {
        self.execute("update stock_requests set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
        self.process_due_work();
    }

    /// Every order that awaits payment expires.
    pub fn expire(&self) {
        self.execute(
            "update orders set expires_at = '2026-01-01T00:00:00.000000Z' where status = 'awaiting_payment'",
        );
        self.process_due_work();
    }

    /// Delivers messages and settles payments until nothing is left.
    pub fn drain(&mut self) {
        for _ in 0..100 {
            self.settle_payments();
            self.relay_commands();
            self.relay_events();
            if self.commands.waiting.is_empty() && self.events.waiting.is_empty() && self.open_payments() == 0
            {
                return;
            }
            while !self.commands.waiting.is_empty() {
                self.deliver_command(0);
            }
            while !self.events.waiting.is_empty() {
                self.deliver_event(0);
            }
        }
        panic!("there are still messages or payments after 100 rounds");
    }

    /// The rows of a query on the database of orders.
    pub fn in_orders(&self, query: &'static str) -> Vec<(String, i64)> {
        self.process.query(&self.process.orders.db, query)
    }

    /// The rows of a query on the database of products.
    pub fn in_products(&self, query: &'static str) -> Vec<(String, i64)> {
        self.process.query(&self.process.products.db, query)
    }

    /// The number of open requests to the provider.
    fn open_payments(&self) -> i64 {
        self.process.runtime.block_on(open_payments(&self.process.orders.db))
    }

    /// Executes a statement on the database of orders, for example to move a deadline into the past.
    fn execute(&self, statement: &'static str) {
        self.process.runtime.block_on(async {
            let mut tx = self.process.orders.db.write().await.unwrap();
            sqlx::query(statement).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        });
    }

    fn process_due_work(&self) {
        self.process.runtime.block_on(self.process.orders.app.process_due_work()).unwrap();
    }

    fn post(&self, path: &str, caller: Caller, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("idempotency-key", Uuid::now_v7().to_string());
        self.send(request.body(body.to_string().into()).unwrap(), caller)
    }

    fn send(&self, mut request: Request<Body>, caller: Caller) -> (StatusCode, Value) {
        request.extensions_mut().insert(Authentication(Ok(caller)));
        self.process.runtime.block_on(async {
            let response = self.process.router.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap())
        })
    }
}

impl Process {
    fn start(environment: &Environment, folder: &TempDir) -> Self {
        let runtime = current_thread();
        // Long timeouts: nothing becomes due unless a test moves its deadline.
        let mut orders =
            orders::Config::parse_from(["orders", "--stock-timeout", "1h", "--payment-timeout", "1h"]);
        orders.database = folder.path().join("orders.db");
        orders.payments_url = environment.provider.uri();
        let mut products = products::Config::parse_from(["products"]);
        products.database = folder.path().join("products.db");
        let (bus, orders, products) = runtime.block_on(async {
            let bus = Bus::connect("saga", &environment.nats.url()).await.unwrap();
            let (orders, products) = tokio::join!(orders::App::open(&orders), products::App::open(&products));
            (bus, orders.unwrap(), products.unwrap())
        });
        let router = orders::router().with_state(orders.clone());
        let router = web::with_middleware(router.merge(products::router().with_state(products.clone())));
        let orders = Service::new(orders.db().clone(), &bus, orders::consumer(&orders, &bus), orders);
        let products =
            Service::new(products.db().clone(), &bus, products::consumer(&products, &bus), products);
        Self { runtime, bus, router, orders, products }
    }

    fn drain(&self, relay: &Relay) {
        while self.runtime.block_on(relay.run_once()).unwrap() > 0 {}
    }

    fn last_sequence(&self, stream: &str) -> u64 {
        let stream = self.runtime.block_on(self.bus.jetstream.get_stream(stream)).unwrap();
        stream.cached_info().state.last_sequence
    }

    fn fetch(&self, mailbox: &mut Mailbox) {
        self.runtime.block_on(async {
            let stream = self.bus.jetstream.get_stream(mailbox.stream).await.unwrap();
            while mailbox.read < stream.cached_info().state.last_sequence {
                mailbox.read += 1;
                mailbox.waiting.push(stream.get_raw_message(mailbox.read).await.unwrap().payload);
            }
        });
    }

    fn deliver<H: Handler>(&self, consumer: &Consumer<H>, mailbox: &mut Mailbox, which: usize) {
        if mailbox.waiting.is_empty() {
            return;
        }
        let message = mailbox.waiting.remove(which % mailbox.waiting.len());
        let outcome = self.runtime.block_on(consumer.handle_one(&message));
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}: {message:?}");
        mailbox.delivered.push(message);
    }

    fn repeat<H: Handler>(&self, consumer: &Consumer<H>, mailbox: &Mailbox, which: usize) {
        if let Some(message) = mailbox.delivered.get(which % mailbox.delivered.len().max(1)) {
            let outcome = self.runtime.block_on(consumer.handle_one(message));
            assert!(matches!(outcome, Outcome::Duplicate), "{outcome:?}: {message:?}");
        }
    }

    fn query(&self, db: &Db, query: &'static str) -> Vec<(String, i64)> {
        self.runtime.block_on(async {
            sqlx::query_as(query).fetch_all(&mut *db.read().await.unwrap()).await.unwrap()
        })
    }
}

impl<A: Handler> Service<A> {
    fn new(db: Db, bus: &Bus, consumer: Consumer<A>, app: A) -> Self {
        Self { relay: Relay::new(&db, bus), consumer, db, app }
    }
}

async fn open_payments(db: &Db) -> i64 {
    let open = "select (select count(*) from payment_attempts where outcome is null)
                + (select count(*) from refunds where done = 0)";
    sqlx::query_scalar(open).fetch_one(&mut *db.read().await.unwrap()).await.unwrap()
}

fn current_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
