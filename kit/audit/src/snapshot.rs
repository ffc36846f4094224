//! The state that an audit checks, as plain values, so that the checks run without a shop.

use std::collections::HashMap;

use serde::Deserialize;
use shop_client::model::{Order, Status};
use uuid::Uuid;

use crate::{Journal, messages::Messages, queries::QueryResults};

/// The state of a shop at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// All orders of all customers.
    pub orders: Vec<Order>,
    /// The stock ledgers of all products.
    pub stock: Vec<Stock>,
    /// All charges of the payment provider, or the reason why its ledger cannot be read.
    pub charges: Result<Vec<Charge>, String>,
    /// The requests that were sent to the shop, if they were recorded.
    pub journal: Option<Journal>,
    /// The number of orders that were created or changed while the snapshot was taken.
    pub changed: usize,
    /// The streams, or the reason why they cannot be read. `None` if the stage does not use NATS.
    pub messages: Option<Result<Messages, String>>,
    /// The results of the queries in the `audit.toml` of the stage.
    pub query_results: QueryResults,
}

/// The stock ledger of one product. The numbers are signed, unlike in the contract, because a broken shop may report -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the contract describes the fields")]
pub struct Stock {
    pub product_id: Uuid,
    pub received: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
}

/// One charge in the ledger of the payment provider. Amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Charge {
    pub id: String,
    /// The id of the order.
    pub reference: String,
    pub amount: u64,
    pub refunded: u64,
    pub currency: String,
    pub status: ChargeStatus,
}

/// The status of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    /// The money was captured.
    Succeeded,
    /// No money was captured.
    Declined,
}

impl Snapshot {
    /// Sums the units of each product over the orders with one of these statuses.
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
