//! Prices: the orders compared with the price changes in the journal.

use std::collections::HashMap;

use jiff::Timestamp;
use shop_client::model::{Order, Status};
use uuid::Uuid;

use super::requests::no_journal;
use crate::{
    Journal, Snapshot, Verdict,
    journal::{Operation, RecordedRequest},
};

/// The price on an order is, permanently, the price when its stock was held.
pub(super) fn kept(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let (changes, responses) = (price_changes(journal), first_responses(journal));
    let mut found = Vec::new();
    for order in snapshot.orders.iter().filter(|order| order.created_at >= journal.started_at) {
        let Some(held) = held_at(order) else { continue };
        let response = responses.get(&order.id);
        if response.is_none() && !journal.is_complete {
            continue;
        }
        // The shop may read the clock before its transaction begins, so the timestamp can be earlier than the hold. The
        // hold is certainly written when the response arrives.
        let latest = response.map_or(held, |(at, _)| held.max(*at));
        for item in &order.items {
            let Some(changes) = changes.get(&item.product_id) else {
                continue;
            };
            let price = item.unit_price.as_ref().map_or(0, |price| price.amount); // no product has the price 0
            if !was_valid(price, changes, order.created_at, latest) {
                let product = item.product_id;
                found.push(format!(
                    "order {}: the price {price} of product {product} was not valid when its stock was held",
                    order.id
                ));
            }
        }
        if response.is_some_and(|(_, then)| held_at(then).is_some() && then.items != order.items) {
            found.push(format!("order {}: its lines changed after their stock was held", order.id));
        }
    }
    Verdict::from_violations(found)
}

fn held_at(order: &Order) -> Option<Timestamp> {
    let held = order.history.iter().find(|step| step.status == Status::AwaitingPayment)?;
    Some(held.at)
}

/// The first acknowledgement of each order: when it arrived, and the order in it.
fn first_responses(journal: &Journal) -> HashMap<Uuid, (Timestamp, Order)> {
    let mut first = HashMap::new();
    for request in &journal.requests {
        if let Operation::PlaceOrder { .. } = request.operation
            && let Some(response) = request.success()
            && let Ok(order) = serde_json::from_value::<Order>(response.body.clone())
        {
            first.entry(order.id).or_insert((request.ended_at, order));
        }
    }
    first
}

/// The prices that each product may have had. A request that was rejected with 4xx changed nothing.
fn price_changes(journal: &Journal) -> HashMap<Uuid, Vec<(u64, &RecordedRequest)>> {
    let mut changes: HashMap<Uuid, Vec<_>> = HashMap::new();
    for request in &journal.requests {
        let rejected =
            request.response.as_ref().is_some_and(|response| (400..500).contains(&response.status));
        if let Operation::SetPrice { product, amount } = request.operation
            && !rejected
        {
            changes.entry(product).or_default().push((amount, request));
        }
    }
    changes
}

/// Whether `price` may have been the price at some time between `from` and `to`: a change to it was sent before `to`, and
/// no later change replaced it before `from`. A change is later if it was sent after the response to this one.
fn was_valid(price: u64, changes: &[(u64, &RecordedRequest)], from: Timestamp, to: Timestamp) -> bool {
    let succeeded = |change: &RecordedRequest| change.success().is_some();
    let was_replaced = |change: &RecordedRequest| {
        let mut later = changes.iter().filter(|(_, later)| later.sent_at >= change.ended_at);
        succeeded(change) && later.any(|(_, later)| succeeded(later) && later.ended_at < from)
    };
    changes.iter().any(|(amount, change)| *amount == price && change.sent_at <= to && !was_replaced(change))
}
