//! Everything an audit judges, as plain values: judging needs no shop.

use std::collections::HashMap;

use serde::Deserialize;
use shop_client::model::{Order, Status};
use uuid::Uuid;

use crate::{Journal, messages::Messages, questions::Answers};

/// A shop at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Every order of every customer.
    pub orders: Vec<Order>,
    /// The stock ledger of every product.
    pub stock: Vec<Stock>,
    /// Every charge of the payment provider, or why its ledger cannot be read.
    pub charges: Result<Vec<Charge>, String>,
    /// What was asked of the shop, where somebody kept a journal.
    pub journal: Option<Journal>,
    /// Orders that came or changed while the snapshot was taken.
    pub changed: usize,
    /// The streams, or why they cannot be looked at; none where the stage has no NATS.
    pub messages: Option<Result<Messages, String>>,
    /// What the stage's own queries found.
    pub answers: Answers,
}

/// The stock ledger of one product. Signed, unlike the contract's: a shop that oversells may well say -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the contract says it")]
pub struct Stock {
    pub product_id: Uuid,
    pub received: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
}

/// One charge of the provider's ledger; amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the provider's API says it")]
pub struct Charge {
    pub id: String,
    /// The order that is paid.
    pub reference: String,
    pub amount: u64,
    pub refunded: u64,
    pub currency: String,
    pub status: ChargeStatus,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    /// The money was taken.
    Succeeded,
    /// It was not.
    Declined,
}

impl Snapshot {
    /// The units of each product in orders with one of these statuses.
    pub(crate) fn units_in(&self, statuses: &[Status]) -> HashMap<Uuid, i64> {
        let mut units = HashMap::new();
        for order in self.orders.iter().filter(|order| statuses.contains(&order.status)) {
            for item in &order.items {
                *units.entry(item.product_id).or_default() += i64::from(item.quantity);
            }
        }
        units
    }
}
