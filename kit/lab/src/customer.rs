//! One customer, who buys, pays, changes her mind and repeats herself.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use audit::journal::{Answered, Operation};
use fastrand::Rng;
use shop_client::{
    Caller,
    model::{Line, Status},
};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use crate::journalist::Journalist;

/// How long a request is repeated until it is answered: longer than a stage takes to come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// A customer of a load, and the staff member who changes prices while she is at it.
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    pub(crate) caller: Caller,
    pub(crate) staff: (Uuid, Caller),
    pub(crate) products: Arc<Vec<Uuid>>,
    pub(crate) journalist: Arc<Journalist>,
    pub(crate) rng: Rng,
    pub(crate) intents: u32,
}

impl Customer {
    /// Buys until told to stop, and never leaves a question of hers unanswered.
    pub(crate) async fn buy_until(mut self, closing: watch::Receiver<bool>) -> Result<()> {
        while !*closing.borrow() {
            self.buy().await?;
        }
        Ok(())
    }

    /// One purchase: most are paid, some cancelled, some left alone; now and then the question is repeated.
    async fn buy(&mut self) -> Result<()> {
        let place = Operation::PlaceOrder { lines: self.basket() };
        let key = self.key();
        let answer = self.ask(&place, Some(&key)).await?;
        if self.rng.u8(..100) < 5 {
            self.ask(&place, Some(&key)).await?;
        }
        if self.rng.u8(..100) < 2 {
            let other = Operation::PlaceOrder { lines: self.basket() };
            self.ask(&other, Some(&key)).await?;
        }
        if self.rng.u8(..100) < 5 {
            self.change_a_price().await?;
        }
        match (answer.is_success().then(|| answer.id()).flatten(), self.rng.u8(..100)) {
            (Some(order), 0..75) => self.pay(order).await,
            (Some(order), 75..85) => self.cancel(order).await,
            _ => Ok(()),
        }
    }

    async fn pay(&mut self, order: Uuid) -> Result<()> {
        let source = match self.rng.u8(..100) {
            0..75 => "tok_ok",
            75..90 => "tok_declined",
            90..96 => "tok_flaky",
            96..98 => "tok_slow",
            _ => "tok_timeout",
        };
        self.pay_with(order, source).await?;
        if !matches!(source, "tok_ok" | "tok_declined") {
            return Ok(()); // their outcome takes seconds; the audit will see it
        }
        // Not written down: reading changes nothing. Should the stage be away, the audit sees the outcome.
        let settled = self.caller.settled(order, Duration::from_secs(2)).await;
        match settled.map(|order| order.status) {
            Ok(Status::AwaitingPayment) => self.pay_with(order, "tok_ok").await,
            Ok(Status::Paid) if self.rng.u8(..100) < 15 => self.cancel(order).await,
            _ => Ok(()),
        }
    }

    async fn pay_with(&mut self, order: Uuid, source: &str) -> Result<()> {
        let pay = Operation::PayOrder { order, source: source.to_owned() };
        let key = self.key();
        self.ask(&pay, Some(&key)).await?;
        if self.rng.u8(..100) < 5 {
            self.ask(&pay, Some(&key)).await?;
        }
        Ok(())
    }

    async fn cancel(&mut self, order: Uuid) -> Result<()> {
        self.ask(&Operation::CancelOrder { order }, None).await?;
        Ok(())
    }

    async fn change_a_price(&mut self) -> Result<()> {
        let product = self.products[self.rng.usize(..self.products.len())];
        let change = Operation::SetPrice { product, amount: self.rng.u64(100..10_000) };
        let (id, staff) = &self.staff;
        repeat(&self.journalist, staff, *id, &change, None).await?;
        Ok(())
    }

    async fn ask(&self, operation: &Operation, key: Option<&str>) -> Result<Answered> {
        repeat(&self.journalist, &self.caller, self.id, operation, key).await
    }

    /// One to three products, one to three units of each.
    fn basket(&mut self) -> Vec<Line> {
        let count = self.rng.usize(1..=3);
        let products = self.rng.choose_multiple(self.products.iter().copied(), count);
        let line = |product_id| Line { product_id, quantity: self.rng.u32(1..=3) };
        products.into_iter().map(line).collect()
    }

    /// The next Idempotency-Key: one an intent.
    fn key(&mut self) -> String {
        self.intents += 1;
        format!("intent-{}", self.intents)
    }
}

/// Asks until the shop has said yes or no: what is unknown, or refused for now, is asked again under the same key.
async fn repeat(
    journalist: &Journalist,
    caller: &Caller,
    id: Uuid,
    operation: &Operation,
    key: Option<&str>,
) -> Result<Answered> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        match journalist.ask(caller, id, operation, key).await {
            Some(answer) if answer.status < 500 && answer.status != 429 => return Ok(answer),
            last if Instant::now() > deadline => {
                let last = last.map_or("no answer".to_owned(), |answer| answer.status.to_string());
                bail!("gave up on {operation:?} after {PATIENCE:?}; the last answer: {last}");
            }
            _ => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// The id of whoever has this token.
pub(crate) async fn id_of(caller: &Caller) -> Result<Uuid> {
    Ok(caller.profile().await.context("cannot read the profile")?.id)
}
