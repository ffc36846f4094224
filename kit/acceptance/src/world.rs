//! What a journey has at hand. Nothing in it is shared with another journey, but for the shop itself.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use shop_client::model::{
    Line, Money, NewProduct, Order, Problem, Product, Registration, Status, Stock, User,
};
use shop_client::{Caller, Error, Exchange, Request, Shop, new_key};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::rules;
use crate::stage::{LogIn, Stage};

/// How long the shop may take for what the contract lets it do later, when it does so without the provider.
pub const SOON: Duration = Duration::from_secs(10);
/// The same where the payment provider has to be asked, and asked again.
pub const PAYMENT: Duration = Duration::from_secs(45);
/// The password of every customer.
pub const PASSWORD: &str = "correct horse battery";

/// What a journey has at hand.
#[derive(Clone)]
pub struct World {
    /// The shop as anybody sees it; every answer is recorded and held against the contract.
    pub shop: Shop,
    stage: Stage,
}

/// What a journey has seen.
#[derive(Default)]
pub struct Record {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    last: VecDeque<Exchange>,
    breaches: Vec<String>,
    breaching: Option<Exchange>,
}

impl Record {
    /// How many exchanges are shown of a journey that failed.
    const SHOWN: usize = 3;

    fn note(&self, exchange: &Exchange, breaches: Vec<String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !breaches.is_empty() {
            seen.breaching.get_or_insert_with(|| exchange.clone());
            let Exchange { request, answer } = exchange;
            let said = format!("{} {} → {}", request.method, request.path, answer.status.as_u16());
            seen.breaches.extend(breaches.into_iter().map(|breach| format!("{said}: {breach}")));
        }
        seen.last.push_back(exchange.clone());
        if seen.last.len() > Self::SHOWN {
            seen.last.pop_front();
        }
    }

    /// What the answers broke of the contract, a sentence each.
    pub fn breaches(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).breaches.clone()
    }

    /// The exchanges to show of a failure: the first that broke the contract, and the last ones.
    pub fn evidence(&self) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let shown: Vec<_> = seen.breaching.iter().chain(&seen.last).map(ToString::to_string).collect();
        shown.join("\n")
    }
}

impl World {
    /// A world of its own on a stage, and the record of what happens in it.
    pub fn new(stage: &Stage) -> (Self, Arc<Record>) {
        let record = Arc::new(Record::default());
        let (noted, contract) = (Arc::clone(&record), Arc::clone(&stage.contract));
        let shop = stage.shop.observed(move |exchange| {
            let mut breaches = contract.breaches(exchange);
            breaches.extend(rules::breaches(&exchange.answer));
            noted.note(exchange, breaches);
        });
        (Self { shop, stage: stage.clone() }, record)
    }

    /// The shop's staff, logged in just now.
    pub async fn staff(&self) -> Result<Caller> {
        let LogIn { email, password } = &self.stage.staff;
        self.shop.log_in(email, password).await.context("staff cannot log in")
    }

    /// A new customer, logged in.
    pub async fn customer(&self) -> Result<Customer> {
        let email = unique_email();
        let registration = Registration { email, name: "Ada".to_owned(), password: PASSWORD.to_owned() };
        let user = self.shop.register(&registration).await?.value;
        let caller = self.shop.log_in(&registration.email, PASSWORD).await?;
        Ok(Customer { user, email: registration.email, caller })
    }

    /// A new product at 19.99 with so much stock.
    pub async fn product(&self, stock: u32) -> Result<Product> {
        self.product_named(&format!("Thing {}", unique_word()), stock).await
    }

    /// A new product at 19.99 with a name.
    pub async fn product_named(&self, name: &str, stock: u32) -> Result<Product> {
        let product = new_product(name, stock);
        Ok(self.staff().await?.add_product(&new_key(), &product).await?.value)
    }

    /// The charges that the payment provider has booked for an order, declined ones left out.
    pub async fn charges(&self, order: Uuid) -> Result<Vec<Charge>> {
        #[derive(Deserialize)]
        struct Charges {
            charges: Vec<Charge>,
        }

        let provider = self.stage.provider.as_ref().context("the stage has no payment provider to ask")?;
        let answer = provider.send(Request::get(format!("/v1/charges?reference={order}"))).await?;
        let mut charges: Charges = serde_json::from_slice(&answer.body).context("the provider's books")?;
        charges.charges.retain(|charge| charge.status == "succeeded");
        Ok(charges.charges)
    }

    /// Waits until the ledger of a product says so: available, held, sold.
    pub async fn stock_becomes(&self, product: Uuid, available: u64, held: u64, sold: u64) -> Result<()> {
        let expected =
            Stock { product_id: product, received: available + held + sold, available, held, sold };
        eventually(SOON, async || {
            let stock = self.staff().await?.stock(product).await?.value;
            ensure!(stock == expected, "the stock is {stock:?}, not {expected:?}");
            Ok(())
        })
        .await
    }
}

/// A customer who is logged in.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields say it")]
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
    /// The customer, logged in anew.
    pub async fn logged_in(&self) -> Result<Self> {
        let caller = self.shop().log_in(&self.email, PASSWORD).await?;
        Ok(Self { caller, ..self.clone() })
    }

    /// Places an order and waits until the shop has decided on it.
    pub async fn place(&self, lines: &[Line]) -> Result<Order> {
        let order = self.place_order(&new_key(), lines).await?;
        Ok(self.settled(order.id, SOON).await?)
    }

    /// Places an order for so many of a product and waits until they are held.
    pub async fn buy(&self, product: &Product, quantity: u32) -> Result<Order> {
        let order = self.place(&[line(product, quantity)]).await?;
        ensure!(order.status == Status::AwaitingPayment);
        Ok(order)
    }

    /// Pays for an order and waits until the shop knows what came of it.
    pub async fn pay_with(&self, order: &Order, source: &str) -> Result<Order> {
        self.pay(&new_key(), order.id, source).await?;
        Ok(self.settled(order.id, PAYMENT).await?)
    }

    /// Buys so many of a product and pays.
    pub async fn check_out(&self, product: &Product, quantity: u32) -> Result<Order> {
        let order = self.buy(product, quantity).await?;
        let order = self.pay_with(&order, "tok_ok").await?;
        ensure!(order.status == Status::Paid);
        Ok(order)
    }
}

/// A charge in the payment provider's books.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Charge {
    pub amount: u64,
    pub refunded: u64,
    pub status: String,
}

/// A line for an order.
pub fn line(product: &Product, quantity: u32) -> Line {
    Line { product_id: product.id, quantity }
}

/// A product to add, at 19.99.
pub fn new_product(name: &str, stock: u32) -> NewProduct {
    NewProduct { name: name.to_owned(), description: String::new(), price: Money::eur(1999), stock }
}

/// A word that no other journey uses.
pub fn unique_word() -> String {
    format!("w{}", Uuid::now_v7().simple())
}

/// An e-mail address that nobody has.
pub fn unique_email() -> String {
    format!("{}@example.com", unique_word())
}

/// The problem of a call that had to be refused with this status.
pub fn refused<T>(status: u16, result: shop_client::Result<T>) -> Result<Problem> {
    match result {
        Err(Error::Problem { problem, .. }) if problem.status == status => Ok(*problem),
        Err(error) => Err(error).with_context(|| format!("expected {status}")),
        Ok(_) => bail!("expected {status}, but it was done"),
    }
}

/// Checks that a problem's `errors` name a field, or one within it.
pub fn ensure_named(problem: &Problem, field: &str) -> Result<()> {
    let named =
        |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    ensure!(problem.errors.iter().any(|error| named(&error.field)), "{field} is not in `errors`");
    Ok(())
}

/// Tries until it succeeds; after `deadline` the last failure counts.
pub async fn eventually<T>(deadline: Duration, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match attempt().await {
            Err(_) if started.elapsed() < deadline => sleep(pause).await,
            Err(error) => return Err(error.context(format!("still so after {deadline:?}"))),
            done => return done,
        }
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}
