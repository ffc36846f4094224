//! What a journey works with. Journeys share the running shop and nothing else.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use shop_client::model::{
    Line, Money, NewProduct, Order, Problem, Product, Registration, Status, Stock, User,
};
use shop_client::{Caller, Error, Request, RoundTrip, Shop, new_key};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::rules;
use crate::stage::{Credentials, Stage};

/// How long the shop may take to settle an order, or to update stock, when the payment provider is not involved.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the shop may take to settle a payment or a refund, including retries with the payment provider.
pub const PAYMENT_TIMEOUT: Duration = Duration::from_secs(45);
/// The password of every customer of the suite.
pub const PASSWORD: &str = "correct horse battery";

/// What a journey works with.
#[derive(Clone)]
pub struct World {
    /// A client without a token. Every response is recorded and checked against the contract.
    pub shop: Shop,
    stage: Stage,
}

/// A record of the requests and responses of a journey.
#[derive(Default)]
pub struct Record {
    recorded: Mutex<Recorded>,
}

#[derive(Default)]
struct Recorded {
    last: VecDeque<RoundTrip>,
    violations: Vec<String>,
    first_violating: Option<RoundTrip>,
}

impl Record {
    /// The number of requests to show when a journey fails.
    const KEPT: usize = 3;

    fn add(&self, round_trip: &RoundTrip, violations: Vec<String>) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if !violations.is_empty() {
            recorded.first_violating.get_or_insert_with(|| round_trip.clone());
            let RoundTrip { request, response } = round_trip;
            let summary = format!("{} {} → {}", request.method, request.path, response.status.as_u16());
            recorded
                .violations
                .extend(violations.into_iter().map(|violation| format!("{summary}: {violation}")));
        }
        recorded.last.push_back(round_trip.clone());
        if recorded.last.len() > Self::KEPT {
            recorded.last.pop_front();
        }
    }

    /// The violations of the contract in all responses, one sentence each.
    pub fn violations(&self) -> Vec<String> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).violations.clone()
    }

    /// The requests and responses to show when the journey fails: the first one that violated the contract, and the
    /// last ones.
    pub fn evidence(&self) -> String {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let shown: Vec<_> =
            recorded.first_violating.iter().chain(&recorded.last).map(ToString::to_string).collect();
        shown.join("\n")
    }
}

impl World {
    /// Creates a world on a stage, and the record of its requests and responses.
    pub fn new(stage: &Stage) -> (Self, Arc<Record>) {
        let record = Arc::new(Record::default());
        let (recorder, contract) = (Arc::clone(&record), Arc::clone(&stage.contract));
        let shop = stage.shop.observed(move |round_trip| {
            let mut violations = contract.violations(round_trip);
            violations.extend(rules::violations(&round_trip.response));
            recorder.add(round_trip, violations);
        });
        (Self { shop, stage: stage.clone() }, record)
    }

    /// Opens a connection to the shop.
    pub async fn connect(&self) -> Result<TcpStream> {
        let base = self.stage.routes.base("/users").context("the stage has no route for /users")?;
        Ok(TcpStream::connect(base.trim_start_matches("http://")).await?)
    }

    /// Logs in as staff.
    pub async fn staff(&self) -> Result<Caller> {
        let Credentials { email, password } = &self.stage.staff;
        self.shop.log_in(email, password).await.context("staff cannot log in")
    }

    /// Registers a customer and logs in.
    pub async fn customer(&self) -> Result<Customer> {
        let email = unique_email();
        let registration = Registration { email, name: "Ada".to_owned(), password: PASSWORD.to_owned() };
        let user = self.shop.register(&registration).await?.value;
        let caller = self.shop.log_in(&registration.email, PASSWORD).await?;
        Ok(Customer { user, email: registration.email, caller })
    }

    /// Adds a product that costs 19.99.
    pub async fn product(&self, stock: u32) -> Result<Product> {
        self.product_named(&format!("Thing {}", unique_word()), stock).await
    }

    /// Adds a product with a name, which costs 19.99.
    pub async fn product_named(&self, name: &str, stock: u32) -> Result<Product> {
        let product = new_product(name, stock);
        Ok(self.staff().await?.add_product(&new_key(), &product).await?.value)
    }

    /// Reads the successful charges of an order from the ledger of the payment provider.
    pub async fn charges(&self, order: Uuid) -> Result<Vec<Charge>> {
        #[derive(Deserialize)]
        struct Charges {
            charges: Vec<Charge>,
        }

        let provider = self.stage.provider.as_ref().context("the stage has no payment provider")?;
        let response = provider.send(Request::get(format!("/v1/charges?reference={order}"))).await?;
        let mut charges: Charges = serde_json::from_slice(&response.body)
            .context("cannot parse the ledger of the payment provider")?;
        charges.charges.retain(|charge| charge.status == "succeeded");
        Ok(charges.charges)
    }

    /// Waits until the stock ledger of a product shows these units.
    pub async fn wait_for_stock(&self, product: Uuid, available: u64, held: u64, sold: u64) -> Result<()> {
        let expected =
            Stock { product_id: product, received: available + held + sold, available, held, sold };
        eventually(SETTLE_TIMEOUT, async || {
            let stock = self.staff().await?.stock(product).await?.value;
            ensure!(stock == expected, "the stock is {stock:?}, expected {expected:?}");
            Ok(())
        })
        .await
    }
}

/// A registered customer with a token.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Customer {
    pub user: User,
    pub email: String,
    caller: Caller,
}

impl Deref for Customer {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Customer {
    /// Logs in again, which returns a customer with a new token.
    pub async fn log_in_again(&self) -> Result<Self> {
        let caller = self.shop().log_in(&self.email, PASSWORD).await?;
        Ok(Self { caller, ..self.clone() })
    }

    /// Places an order and waits until it is settled.
    pub async fn place(&self, lines: &[Line]) -> Result<Order> {
        let order = self.place_order(&new_key(), lines).await?;
        Ok(self.wait_until_settled(order.id, SETTLE_TIMEOUT).await?)
    }

    /// Places an order for one product and waits until its stock is held.
    pub async fn buy(&self, product: &Product, quantity: u32) -> Result<Order> {
        let order = self.place(&[line(product, quantity)]).await?;
        ensure!(order.status == Status::AwaitingPayment);
        Ok(order)
    }

    /// Pays for an order and waits until the payment is settled.
    pub async fn pay_with(&self, order: &Order, source: &str) -> Result<Order> {
        self.pay(&new_key(), order.id, source).await?;
        Ok(self.wait_until_settled(order.id, PAYMENT_TIMEOUT).await?)
    }

    /// Places an order for one product, pays for it and waits until it is paid.
    pub async fn check_out(&self, product: &Product, quantity: u32) -> Result<Order> {
        let order = self.buy(product, quantity).await?;
        let order = self.pay_with(&order, "tok_ok").await?;
        ensure!(order.status == Status::Paid);
        Ok(order)
    }
}

/// A charge in the ledger of the payment provider.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Charge {
    pub amount: u64,
    pub refunded: u64,
    pub status: String,
}

/// A line of a new order.
pub fn line(product: &Product, quantity: u32) -> Line {
    Line { product_id: product.id, quantity }
}

/// The body that adds a product that costs 19.99.
pub fn new_product(name: &str, stock: u32) -> NewProduct {
    NewProduct { name: name.to_owned(), description: String::new(), price: Money::eur(1999), stock }
}

/// Creates a word that no other journey uses.
pub fn unique_word() -> String {
    format!("w{}", Uuid::now_v7().simple())
}

/// Creates an e-mail address that is not registered.
pub fn unique_email() -> String {
    format!("{}@example.com", unique_word())
}

/// Returns the problem document of a call that must fail with this status.
pub fn expect_problem<T>(status: u16, result: shop_client::Result<T>) -> Result<Problem> {
    match result {
        Err(Error::Problem { problem, .. }) if problem.status == status => Ok(*problem),
        Err(error) => Err(error).with_context(|| format!("expected {status}")),
        Ok(_) => bail!("expected {status}, but the request succeeded"),
    }
}

/// Checks that the `errors` of a problem name a field or one of its subfields.
pub fn ensure_names_field(problem: &Problem, field: &str) -> Result<()> {
    let named =
        |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ensure!(
        problem.errors.iter().any(|error| named(&error.field)),
        "the problem does not name the field {field}"
    );
    Ok(())
}

/// Repeats `attempt` until it succeeds. Once `timeout` has passed, it returns the last error.
pub async fn eventually<T>(timeout: Duration, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let mut delay = Duration::from_millis(50);
    loop {
        match attempt().await {
            Err(_) if started.elapsed() < timeout => sleep(delay).await,
            Err(error) => return Err(error.context(format!("timed out after {timeout:?}"))),
            success => return success,
        }
        delay = (delay * 2).min(Duration::from_millis(500));
    }
}
