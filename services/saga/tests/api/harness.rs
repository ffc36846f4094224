//! Orders and products in one process, in which nothing happens by itself.

use axum::{Router, body::Body};
use bytes::Bytes;
use chassis::{
    Bus, Db,
    inbox::{Consumer, Handle, Outcome},
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
use testbed::{Nats, until};
use tokio::runtime::{self, Runtime};
use tower::ServiceExt;
use uuid::Uuid;
use wiremock::{Mock, MockServer, matchers::method};

use crate::provider::Ledger;

/// What one saga after another may use: to start it takes longer than a saga does.
pub struct Ground {
    nats: Nats,
    provider: MockServer,
    pub ledger: Ledger,
}

impl Ground {
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

/// A shop in which a step is taken when a test says so, and not before.
pub struct World<'a> {
    pub ground: &'a Ground,
    folder: TempDir,
    process: Process,
    staff: Caller,
    customer: Caller,
    /// What orders has sent to products.
    pub commands: Mailbox,
    /// What products has told orders.
    pub events: Mailbox,
    /// How many of each product were received.
    pub products: Vec<(Uuid, i64)>,
    pub orders: Vec<Uuid>,
    /// Whether a question to the provider may have died with the process that asked it.
    lost: bool,
}

/// Messages of one stream.
pub struct Mailbox {
    stream: &'static str,
    read: u64,
    /// Published, and not delivered yet: any of them may be the next.
    pub waiting: Vec<Bytes>,
    /// Delivered: any of them may come again.
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
    pub fn new(ground: &'a Ground) -> Self {
        // In memory where that can be: it is processes that end here, not machines, and to wait for a disk would teach nothing.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let process = Process::start(ground, &folder);
        let [commands, events] = [stream::COMMANDS, stream::EVENTS].map(|stream| Mailbox {
            stream,
            read: process.last_sequence(stream),
            waiting: Vec::new(),
            delivered: Vec::new(),
        });
        let [staff, customer] =
            [Role::Staff, Role::Customer].map(|role| Caller { id: UserId(Uuid::now_v7()), role });
        let (products, orders) = (Vec::new(), Vec::new());
        Self { ground, folder, process, staff, customer, commands, events, products, orders, lost: false }
    }

    /// Ends the process with all that it has under way, and starts it again on the same databases.
    pub fn crash(&mut self) {
        let next = Process::start(self.ground, &self.folder);
        std::mem::replace(&mut self.process, next).runtime.shutdown_background();
        self.lost = true;
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

    /// Asks to pay for an order, which may be refused. The provider is not asked before [`World::answer`].
    pub fn pay(&mut self, order: Uuid, source: &str) {
        let (status, _) =
            self.post(&format!("/orders/{order}/payment"), self.customer, &json!({"source": source}));
        assert!([StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    /// Asks to cancel an order, which may be refused.
    pub fn cancel(&mut self, order: Uuid) {
        let (status, _) = self.post(&format!("/orders/{order}/cancellation"), self.customer, &json!({}));
        assert!([StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    /// Asks to ship an order, which may be refused.
    pub fn ship(&mut self, order: Uuid) {
        let (status, _) = self.post(&format!("/orders/{order}/shipment"), self.staff, &json!({}));
        assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&status), "{status}");
    }

    pub fn read(&self, order: Uuid) -> Value {
        self.send(Request::get(format!("/orders/{order}")).body(Body::empty()).unwrap(), self.customer).1
    }

    /// Publishes what orders has to say.
    pub fn relay_commands(&mut self) {
        self.process.drain(&self.process.orders.relay);
        self.process.fetch(&mut self.commands);
    }

    /// Publishes what products has to say.
    pub fn relay_events(&mut self) {
        self.process.drain(&self.process.products.relay);
        self.process.fetch(&mut self.events);
    }

    /// Delivers one of the commands that wait, if any do.
    pub fn deliver_command(&mut self, which: usize) {
        self.process.deliver(&self.process.products.consumer, &mut self.commands, which);
    }

    /// Delivers one of the events that wait, if any do.
    pub fn deliver_event(&mut self, which: usize) {
        self.process.deliver(&self.process.orders.consumer, &mut self.events, which);
    }

    /// Delivers a command once more.
    pub fn repeat_command(&self, which: usize) {
        self.process.repeat(&self.process.products.consumer, &self.commands, which);
    }

    /// Delivers an event once more.
    pub fn repeat_event(&self, which: usize) {
        self.process.repeat(&self.process.orders.consumer, &self.events, which);
    }

    /// The provider is asked what it is to be asked, and its answers are stored.
    pub fn answer(&mut self) {
        if self.asking() == 0 {
            return;
        }
        self.ask_what_was_lost();
        let answered = async || (asking(&self.process.orders.db).await == 0).then_some(());
        self.process.runtime.block_on(until("the provider's answers to be stored", answered));
    }

    fn ask_what_was_lost(&mut self) {
        if std::mem::take(&mut self.lost) {
            self.let_come("update payment_attempts set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
            self.let_come("update refunds set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
            self.settle();
        }
    }

    /// The provider takes the money for an order, and its answer is not stored.
    pub fn charge_unheard(&mut self, order: Uuid) {
        self.ask_what_was_lost();
        self.ground.ledger.be_silent(true);
        let taken =
            async || (self.ground.ledger.captured_and_refunded(&order.to_string()).0 == 1).then_some(());
        self.process.runtime.block_on(until("the provider to be asked", taken));
        self.ground.ledger.be_silent(false);
        self.crash();
    }

    /// Products has not answered in time, whatever it was asked.
    pub fn time_out(&self) {
        self.let_come("update stock_requests set next_attempt_at = '2026-01-01T00:00:00.000000Z'");
        self.settle();
    }

    /// No order was paid in time that is not paid now.
    pub fn expire(&self) {
        self.let_come(
            "update orders set expires_at = '2026-01-01T00:00:00.000000Z' where status = 'awaiting_payment'",
        );
        self.settle();
    }

    /// Everything that is under way comes to its end.
    pub fn drain(&mut self) {
        for _ in 0..100 {
            self.answer();
            self.relay_commands();
            self.relay_events();
            if self.commands.waiting.is_empty() && self.events.waiting.is_empty() && self.asking() == 0 {
                return;
            }
            while !self.commands.waiting.is_empty() {
                self.deliver_command(0);
            }
            while !self.events.waiting.is_empty() {
                self.deliver_event(0);
            }
        }
        panic!("it does not come to rest");
    }

    /// What a query finds in the database of orders.
    pub fn in_orders(&self, query: &'static str) -> Vec<(String, i64)> {
        self.process.query(&self.process.orders.db, query)
    }

    /// What a query finds in the database of products.
    pub fn in_products(&self, query: &'static str) -> Vec<(String, i64)> {
        self.process.query(&self.process.products.db, query)
    }

    /// How many questions to the provider are open.
    fn asking(&self) -> i64 {
        self.process.runtime.block_on(asking(&self.process.orders.db))
    }

    /// Moves what is due at some time into the past, as if that time had come.
    fn let_come(&self, statement: &'static str) {
        self.process.runtime.block_on(async {
            let mut tx = self.process.orders.db.write().await.unwrap();
            sqlx::query(statement).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        });
    }

    fn settle(&self) {
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
            let answer = self.process.router.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            (status, serde_json::from_slice(&body).unwrap())
        })
    }
}

impl Process {
    fn start(ground: &Ground, folder: &TempDir) -> Self {
        let runtime = current_thread();
        // Nothing is due before a test lets it be.
        let mut orders =
            orders::Config::parse_from(["orders", "--stock-timeout", "1h", "--payment-timeout", "1h"]);
        orders.database = folder.path().join("orders.db");
        orders.payments_url = ground.provider.uri();
        let mut products = products::Config::parse_from(["products"]);
        products.database = folder.path().join("products.db");
        let (bus, orders, products) = runtime.block_on(async {
            let bus = Bus::connect("saga", &ground.nats.url()).await.unwrap();
            let (orders, products) = tokio::join!(orders::App::open(&orders), products::App::open(&products));
            (bus, orders.unwrap(), products.unwrap())
        });
        let router = orders::router().with_state(orders.clone());
        let router = web::whole(router.merge(products::router().with_state(products.clone())));
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

    fn deliver<H: Handle>(&self, consumer: &Consumer<H>, mailbox: &mut Mailbox, which: usize) {
        if mailbox.waiting.is_empty() {
            return;
        }
        let message = mailbox.waiting.remove(which % mailbox.waiting.len());
        let outcome = self.runtime.block_on(consumer.handle_one(&message));
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}: {message:?}");
        mailbox.delivered.push(message);
    }

    fn repeat<H: Handle>(&self, consumer: &Consumer<H>, mailbox: &Mailbox, which: usize) {
        if let Some(message) = mailbox.delivered.get(which % mailbox.delivered.len().max(1)) {
            let outcome = self.runtime.block_on(consumer.handle_one(message));
            assert!(matches!(outcome, Outcome::Repeated), "{outcome:?}: {message:?}");
        }
    }

    fn query(&self, db: &Db, query: &'static str) -> Vec<(String, i64)> {
        self.runtime.block_on(async {
            sqlx::query_as(query).fetch_all(&mut *db.read().await.unwrap()).await.unwrap()
        })
    }
}

impl<A: Handle> Service<A> {
    fn new(db: Db, bus: &Bus, consumer: Consumer<A>, app: A) -> Self {
        Self { relay: Relay::new(&db, bus), consumer, db, app }
    }
}

async fn asking(db: &Db) -> i64 {
    let open = "select (select count(*) from payment_attempts where outcome is null)
                + (select count(*) from refunds where done = 0)";
    sqlx::query_scalar(open).fetch_one(&mut *db.read().await.unwrap()).await.unwrap()
}

fn current_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
