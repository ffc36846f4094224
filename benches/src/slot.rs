//! One place in flight: a customer with connections of her own, who asks one thing at a time.

use std::{rc::Rc, time::Duration};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde::de::DeserializeOwned;
use shop_client::{Answer, Request, Shop, model::Registration, new_key};
use stage::Status;
use uuid::Uuid;

use crate::client::Client;

/// The password of every customer.
pub const PASSWORD: &str = "correct horse battery";

/// A customer.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Slot {
    pub shop: Client,
    pub email: String,
    pub token: String,
    pub rng: Rng,
    /// What she buys.
    pub products: Rc<Vec<Uuid>>,
    /// To the limits, where they run.
    pub limits: Option<Client>,
    /// How long her last order took to be settled: she looks no sooner after the next.
    pub settling: Duration,
}

impl Slot {
    /// Registers `count` customers with the stage and logs them in.
    ///
    /// # Errors
    /// The stage does not answer, or not as the contract says.
    pub async fn register(count: u64, stage: &Status) -> Result<Vec<Self>> {
        let shop = Shop::new(&stage.routes)?;
        let mut slots = Vec::new();
        for seed in 0..count {
            let registration = newcomer();
            shop.register(&registration).await.context("cannot register a customer")?;
            let session = shop.open_session(&registration.email, PASSWORD).await?;
            slots.push(Self {
                shop: Client::new(&stage.routes)?,
                email: registration.email,
                token: session.value.token,
                rng: Rng::with_seed(seed),
                products: Rc::default(),
                limits: None,
                settling: Duration::ZERO,
            });
        }
        Ok(slots)
    }

    /// Asks the shop, and reads the answer as `T`.
    ///
    /// # Errors
    /// The answer has another status than `expected`, or is no `T`.
    pub async fn ask<T: DeserializeOwned>(&mut self, request: Request, expected: u16) -> Result<T> {
        let body = ask(&mut self.shop, request, expected).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// A product, each as often as any other.
    pub fn any_product(&mut self) -> Result<Uuid> {
        self.rng.choice(self.products.iter()).copied().context("the shop has no products yet")
    }
}

/// Asks whoever, and gives the bytes of the answer.
///
/// # Errors
/// The answer has another status than `expected`.
pub async fn ask(client: &mut Client, request: Request, expected: u16) -> Result<Vec<u8>> {
    let (asked, answer) = send(client, request).await?;
    ensure!(answer.status == expected, unexpected(&asked, &answer));
    Ok(answer.body)
}

/// Asks who may have too much to do, and says whether that was served. A 503 with `Retry-After` is an answer as well.
///
/// # Errors
/// The answer has another status than `expected`, and is no such refusal.
pub async fn ask_busy(client: &mut Client, request: Request, expected: u16) -> Result<bool> {
    let (asked, answer) = send(client, request).await?;
    let refused = answer.status == 503 && answer.retry_after().is_some();
    ensure!(refused || answer.status == expected, unexpected(&asked, &answer));
    Ok(!refused)
}

async fn send(client: &mut Client, request: Request) -> Result<(String, Answer)> {
    let asked = format!("{} {}", request.method, request.path);
    let answer = client.send(request).await.with_context(|| format!("no answer to {asked}"))?;
    Ok((asked, answer))
}

fn unexpected(asked: &str, answer: &Answer) -> String {
    format!("{asked} was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body))
}

/// Somebody the shop does not know yet.
pub fn newcomer() -> Registration {
    let email = format!("{}@load.example", new_key());
    Registration { email, name: "Customer of the load".to_owned(), password: PASSWORD.to_owned() }
}
