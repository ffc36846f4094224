//! A load on a running stage: a few customers who buy, each one request at a time.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use audit::{
    Journal,
    journal::{Answered, Asked, Operation},
};
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::Value;
use shop_client::{
    Caller, Shop,
    model::{Money, NewProduct, Registration},
    new_key,
};
use stage::Status;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    customer::{Customer, id_of},
    journalist::{Journalist, Traffic},
};

/// Units of each product: the first ones run out at once, so that customers fight for them.
const STOCK: [u32; 8] = [20, 100, 500, 1000, 100_000, 100_000, 100_000, 100_000];
/// How long each step of the set-up may be turned away.
const SET_UP: Duration = Duration::from_secs(10);
const PASSWORD: &str = "correct horse battery";

/// What to ask of a stage.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// What is asked follows from it.
    pub seed: u64,
    /// Customers, each with one request in flight.
    pub customers: u64,
}

/// A load under way.
#[derive(Debug)]
pub struct Running {
    journalist: Arc<Journalist>,
    closing: watch::Sender<bool>,
    customers: JoinSet<Result<()>>,
}

impl Load {
    /// Adds products and customers to the stage and lets them buy.
    ///
    /// # Errors
    /// The stage does not answer, or not as the contract says.
    pub async fn start(self, stage: &Status) -> Result<Running> {
        let shop = Shop::new(&stage.routes)?;
        let journalist = Arc::new(Journalist::begin());
        let staff = log_in(&shop, &stage.staff.email, &stage.staff.password).await?;
        let staff = (id_of(&staff).await?, staff);
        let products = Arc::new(add_products(&staff, &journalist).await?);
        let closing = watch::Sender::new(false);
        let mut seeds = Rng::with_seed(self.seed);
        let mut customers = JoinSet::new();
        for n in 0..self.customers {
            let caller = register(&shop, n).await?;
            let customer = Customer {
                id: id_of(&caller).await?,
                caller,
                staff: staff.clone(),
                products: products.clone(),
                journalist: journalist.clone(),
                rng: seeds.fork(),
                intents: 0,
            };
            customers.spawn(customer.buy_until(closing.subscribe()));
        }
        Ok(Running { journalist, closing, customers })
    }
}

impl Running {
    /// Waits until the load is as busy as wished.
    ///
    /// # Errors
    /// A customer gave up, or panicked, meanwhile.
    pub async fn busy(&mut self, wished: impl FnMut(&Traffic) -> bool) -> Result<Traffic> {
        let mut traffic = self.journalist.traffic();
        tokio::select! {
            now = traffic.wait_for(wished) => Ok(*now?),
            Some(ended) = self.customers.join_next() => {
                ended??;
                anyhow::bail!("a customer left before the end of the load")
            }
        }
    }

    /// The journal so far.
    pub fn journal(&self) -> Journal {
        self.journalist.journal()
    }

    /// Lets every customer finish what she is at and gives the journal.
    ///
    /// # Errors
    /// A customer never got an answer.
    pub async fn finish(mut self) -> Result<Journal> {
        self.closing.send_replace(true);
        while let Some(ended) = self.customers.join_next().await {
            ended??;
        }
        Ok(self.journalist.journal())
    }
}

async fn add_products(staff: &(Uuid, Caller), journalist: &Journalist) -> Result<Vec<Uuid>> {
    let mut products = Vec::new();
    for (n, stock) in STOCK.into_iter().enumerate() {
        let price = Money::eur(1999);
        let amount = price.amount;
        let name = format!("Article {n} of the load");
        let description = format!("{stock} of it");
        let sent = Timestamp::now();
        let product = NewProduct { name, description, price, stock };
        let added = staff.1.add_product(&new_key(), &product).await.context("cannot add a product")?;
        let answer = Answered { status: 201, replayed: false, body: Value::Null };
        journalist.write(Asked {
            caller: staff.0,
            operation: Operation::SetPrice { product: added.id, amount },
            key: None,
            sent,
            ended: Timestamp::now(),
            answer: Some(answer),
        });
        products.push(added.id);
    }
    Ok(products)
}

async fn register(shop: &Shop, n: u64) -> Result<Caller> {
    let email = format!("customer-{n}-{}@load.example", new_key());
    let registration = Registration { email, name: format!("Customer {n}"), password: PASSWORD.to_owned() };
    shop.patient(SET_UP).register(&registration).await.context("cannot register a customer")?;
    log_in(shop, &registration.email, PASSWORD).await
}

/// Setting up may be turned away for a while, hashing passwords is bounded; what is measured later is never repeated unseen.
async fn log_in(shop: &Shop, email: &str, password: &str) -> Result<Caller> {
    let session = shop.patient(SET_UP).open_session(email, password).await;
    let session = session.with_context(|| format!("cannot log in as {email}"))?;
    Ok(shop.with_token(&session.token))
}
