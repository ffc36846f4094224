//! What a stage is given before a load: products to sell, accounts to buy with, and a journal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use audit::{
    Journal,
    journal::{Answered, Asked, Operation},
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
/// How long each step may be turned away: hashing passwords is bounded.
const SET_UP: Duration = Duration::from_secs(30);
/// Steps under way at once.
const AT_ONCE: usize = 8;
/// Of everything but the promotion: more than any load buys.
const PLENTY: u32 = 1_000_000;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Stock {
    /// Products, the one of the promotion apart.
    pub products: usize,
    /// Units of the product that everybody wants in a flash sale.
    pub promotion: u32,
    /// Accounts that visitors log in and buy with. Several visitors at once may be one account.
    pub accounts: usize,
}

/// The products, the accounts, and the journal of everything that is asked of a stage from then on.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) promotion: Uuid,
    pub(crate) products: Arc<Vec<Uuid>>,
    pub(crate) accounts: Arc<Vec<Account>>,
    pub(crate) staff: Account,
    pub(crate) notes: Arc<Notes>,
}

/// Somebody with a session.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// The journal, while it is written.
#[derive(Debug)]
pub(crate) struct Notes(Mutex<Journal>);

impl Notes {
    pub(crate) fn begin() -> Self {
        Self(Mutex::new(Journal { begun: Timestamp::now(), requests: Vec::new() }))
    }

    pub(crate) fn journal(&self) -> Journal {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn write(&self, asked: Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).requests.push(asked);
    }
}

impl Market {
    /// Adds products and accounts to a running stage.
    ///
    /// # Errors
    /// The stage does not answer, or not as the contract says.
    pub async fn open(stage: &Status, stock: Stock) -> Result<Self> {
        let shop = Shop::new(&stage.routes)?.patient(SET_UP);
        let notes = Notes::begin();
        let (staff, caller) = log_in(&shop, &stage.staff.email, &stage.staff.password).await?;
        let promotion = add_product(&caller, staff.id, &notes, 0, stock.promotion).await?;
        let adding = (1..=stock.products).map(|n| add_product(&caller, staff.id, &notes, n, PLENTY));
        let products = stream::iter(adding).buffer_unordered(AT_ONCE).try_collect().await?;
        let registering = (1..=stock.accounts).map(|n| register(&shop, n));
        let accounts = stream::iter(registering).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(Self {
            promotion,
            products: Arc::new(products),
            accounts: Arc::new(accounts),
            staff,
            notes: Arc::new(notes),
        })
    }

    /// Everything that was asked so far.
    pub fn journal(&self) -> Journal {
        self.notes.journal()
    }

    /// The product that a flash sale is about.
    pub fn promotion(&self) -> Uuid {
        self.promotion
    }
}

async fn add_product(staff: &Caller, id: Uuid, notes: &Notes, n: usize, stock: u32) -> Result<Uuid> {
    let price = Money::eur(1999);
    let amount = price.amount;
    let name = format!("Article {n} of the load");
    let description = format!("{stock} of it, {} and {}", WORDS[n % WORDS.len()], WORDS[n / 7 % WORDS.len()]);
    let sent = Timestamp::now();
    let product = NewProduct { name, description, price, stock };
    let added = staff.add_product(&new_key(), &product).await.context("cannot add a product")?;
    notes.write(Asked {
        caller: id,
        operation: Operation::SetPrice { product: added.id, amount },
        key: None,
        sent,
        ended: Timestamp::now(),
        answer: Some(Answered { status: 201, replayed: false, body: Value::Null }),
    });
    Ok(added.id)
}

/// What descriptions are made of, and searches look for.
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
