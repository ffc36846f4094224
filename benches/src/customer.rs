//! A customer with connections of its own, who sends one request at a time: one operation in flight.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use load::Connections;
use serde::de::DeserializeOwned;
use shop_client::{Request, Response, Shop, model::Registration, new_key};
use stage::Status;
use uuid::Uuid;

/// The timeout of one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The password of every customer.
pub const PASSWORD: &str = "correct horse battery";

/// A registered customer with a session.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Customer {
    pub shop: Connections,
    pub email: String,
    pub token: String,
    pub rng: Rng,
    /// The products to buy.
    pub products: Rc<Vec<Uuid>>,
    /// Connections to the program `limits`, if it runs.
    pub limits: Option<Connections>,
    /// How long the customer's last order took to be settled, and so the time until the first poll of the next one.
    pub settle_time: Duration,
}

impl Customer {
    /// Registers `count` customers with a stage and logs them in.
    ///
    /// # Errors
    /// The stage does not respond, or not as the contract says.
    pub async fn register(count: u64, stage: &Status) -> Result<Vec<Self>> {
        let shop = Shop::new(&stage.routes)?;
        let mut customers = Vec::new();
        for seed in 0..count {
            let registration = new_registration();
            shop.register(&registration).await.context("cannot register a customer")?;
            let session = shop.open_session(&registration.email, PASSWORD).await?;
            customers.push(Self {
                shop: connections(&stage.routes)?,
                email: registration.email,
                token: session.value.token,
                rng: Rng::with_seed(seed),
                products: Rc::default(),
                limits: None,
                settle_time: Duration::ZERO,
            });
        }
        Ok(customers)
    }

    /// Sends a request to the shop and parses the response as `T`.
    ///
    /// # Errors
    /// The response has another status than `expected`, or cannot be parsed.
    pub async fn send<T: DeserializeOwned>(&mut self, request: Request, expected: u16) -> Result<T> {
        let body = send(&self.shop, &request, expected).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// A random product.
    pub fn any_product(&mut self) -> Result<Uuid> {
        self.rng.choice(self.products.iter()).copied().context("the shop has no products yet")
    }
}

/// Sends a request and returns the body of the response.
///
/// # Errors
/// The response has another status than `expected`.
pub async fn send(server: &Connections, request: &Request, expected: u16) -> Result<Vec<u8>> {
    let (sent, answer) = exchange(server, request).await?;
    ensure!(answer.status == expected, unexpected(&sent, &answer));
    Ok(answer.body)
}

/// Sends a request that an overloaded server may refuse, and says whether it was served. A refusal is a 503 with
/// `Retry-After`.
///
/// # Errors
/// The response has another status than `expected` and is no such refusal.
pub async fn is_served(server: &Connections, request: &Request, expected: u16) -> Result<bool> {
    let (sent, answer) = exchange(server, request).await?;
    let refused = answer.status == 503 && answer.retry_after().is_some();
    ensure!(refused || answer.status == expected, unexpected(&sent, &answer));
    Ok(!refused)
}

async fn exchange(server: &Connections, request: &Request) -> Result<(String, Response)> {
    let sent = format!("{} {}", request.method, request.path);
    let answer = server.send(request).await.with_context(|| format!("no response to {sent}"))?;
    Ok((sent, answer))
}

fn unexpected(sent: &str, answer: &Response) -> String {
    format!("{sent} was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body))
}

/// Connections to a stage, by its routes: path prefix → base URL.
///
/// # Errors
/// The routes are not valid.
pub fn connections(routes: &BTreeMap<String, String>) -> Result<Connections> {
    Ok(Connections::new(routes.try_into()?, TIMEOUT))
}

/// The registration of a new customer.
pub fn new_registration() -> Registration {
    let email = format!("{}@load.example", new_key());
    Registration { email, name: "Customer of the load".to_owned(), password: PASSWORD.to_owned() }
}
