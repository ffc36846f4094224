//! What a stage contains before the load begins: products to sell and accounts to buy with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use audit::{
    Journal,
    journal::{Operation, RecordedRequest, RecordedResponse},
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::Value;
use shop_client::{
    Caller, Shop,
    model::{Money, NewProduct, Registration},
    new_key,
};
use stage::Status;
use uuid::Uuid;

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// How long each request of the set-up is retried. Registrations are refused now and then, because the number of passwords
/// that are hashed at once is limited.
pub(crate) const RETRY_FOR: Duration = Duration::from_secs(30);
const MAX_IN_FLIGHT: usize = 8;
/// Units of every product but the one on promotion: more than any load buys.
const PLENTY: u32 = 1_000_000;

/// How many products and accounts are created.
#[derive(Debug, Clone, Copy)]
pub struct DataSize {
    /// Products, in addition to the one on promotion.
    pub products: usize,
    /// Units of the product on promotion, which every visitor of a flash sale wants.
    pub promotion_units: u32,
    /// Accounts that visitors use. Several visitors may use one account at the same time.
    pub accounts: usize,
}

/// The products and accounts of a stage, and the journal of every write from then on.
#[derive(Debug, Clone)]
pub struct TestData {
    pub(crate) promotion: Uuid,
    pub(crate) products: Arc<Vec<Uuid>>,
    pub(crate) accounts: Arc<Vec<Account>>,
    pub(crate) staff: Account,
    pub(crate) journal: Arc<JournalWriter>,
}

/// A registered user with a session.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// A journal that several threads write to.
#[derive(Debug)]
pub(crate) struct JournalWriter(Mutex<Journal>);

impl JournalWriter {
    pub(crate) fn begin() -> Self {
        Self(Mutex::new(Journal { started_at: Timestamp::now(), requests: Vec::new(), is_complete: true }))
    }

    pub(crate) fn journal(&self) -> Journal {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn write(&self, request: RecordedRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).requests.push(request);
    }
}

impl TestData {
    /// Adds products and accounts to a running stage.
    ///
    /// # Errors
    /// The stage does not respond, or not as the contract says.
    pub async fn create(stage: &Status, size: DataSize) -> Result<Self> {
        let shop = Shop::new(&stage.routes)?.with_retries(RETRY_FOR);
        let journal = JournalWriter::begin();
        let (staff, caller) = log_in(&shop, &stage.staff.email, &stage.staff.password).await?;
        let promotion = add_product(&caller, staff.id, &journal, 0, size.promotion_units).await?;
        let adding = (1..=size.products).map(|n| add_product(&caller, staff.id, &journal, n, PLENTY));
        let products = stream::iter(adding).buffer_unordered(MAX_IN_FLIGHT).try_collect().await?;
        let registering = (1..=size.accounts).map(|n| register(&shop, n));
        let accounts = stream::iter(registering).buffer_unordered(MAX_IN_FLIGHT).try_collect().await?;
        Ok(Self {
            promotion,
            products: Arc::new(products),
            accounts: Arc::new(accounts),
            staff,
            journal: Arc::new(journal),
        })
    }

    /// The journal so far.
    pub fn journal(&self) -> Journal {
        self.journal.journal()
    }

    /// The product on promotion.
    pub fn promotion(&self) -> Uuid {
        self.promotion
    }
}

async fn add_product(
    staff: &Caller,
    id: Uuid,
    journal: &JournalWriter,
    n: usize,
    stock: u32,
) -> Result<Uuid> {
    let price = Money::eur(1999);
    let amount = price.amount;
    let name = format!("Article {n} of the load");
    let description = format!("{stock} units, {} and {}", WORDS[n % WORDS.len()], WORDS[n / 7 % WORDS.len()]);
    let sent_at = Timestamp::now();
    let product = NewProduct { name, description, price, stock };
    let added = staff.add_product(&new_key(), &product).await.context("cannot add a product")?;
    journal.write(RecordedRequest {
        caller: id,
        operation: Operation::SetPrice { product: added.id, amount },
        key: None,
        sent_at,
        ended_at: Timestamp::now(),
        response: Some(RecordedResponse { status: 201, replayed: false, body: Value::Null }),
    });
    Ok(added.id)
}

/// Words of the descriptions, which visitors search for.
pub(crate) const WORDS: [&str; 8] =
    ["amber", "brisk", "coarse", "dark", "early", "faint", "gentle", "hollow"];

async fn register(shop: &Shop, n: usize) -> Result<Account> {
    let email = format!("visitor-{n}-{}@load.example", new_key());
    let registration = Registration { email, name: format!("Visitor {n}"), password: PASSWORD.to_owned() };
    shop.register(&registration).await.context("cannot register an account")?;
    Ok(log_in(shop, &registration.email, PASSWORD).await?.0)
}

async fn log_in(shop: &Shop, email: &str, password: &str) -> Result<(Account, Caller)> {
    let caller = shop.log_in(email, password).await.with_context(|| format!("cannot log in as {email}"))?;
    let id = caller.profile().await.context("cannot read a profile")?.id;
    Ok((Account { id, email: email.to_owned(), token: caller.token().to_owned() }, caller))
}
