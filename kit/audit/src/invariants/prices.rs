//! Prices on orders, against the changes of prices that were asked for.

use std::collections::HashMap;

use jiff::Timestamp;
use shop_client::model::{Order, Status};
use uuid::Uuid;

use super::requests::no_journal;
use crate::{
    Journal, Snapshot, Verdict,
    journal::{Asked, Operation},
};

/// The price on an order is the price when its stock was held, for ever.
pub(super) fn kept(snapshot: &Snapshot) -> Verdict {
    let Some(journal) = &snapshot.journal else {
        return no_journal();
    };
    let (changes, answers) = (changes(journal), first_answers(journal));
    let mut found = Vec::new();
    for order in snapshot.orders.iter().filter(|order| order.created_at >= journal.begun) {
        let Some(held) = held_at(order) else { continue };
        let answer = answers.get(&order.id);
        // The order's clock may be read before its turn to write comes; by the time of its answer the hold is made.
        let by = answer.map_or(held, |(at, _)| held.max(*at));
        for item in &order.items {
            let Some(changes) = changes.get(&item.product_id) else {
                continue;
            };
            let price = item.unit_price.as_ref().map_or(0, |price| price.amount); // free is never its price
            if !was_valid(price, changes, order.created_at, by) {
                let product = item.product_id;
                found.push(format!(
                    "order {}: product {product} at {price}, which was not its price when held",
                    order.id
                ));
            }
        }
        if answer.is_some_and(|(_, then)| held_at(then).is_some() && then.items != order.items) {
            found.push(format!("order {}: its lines changed after they were held", order.id));
        }
    }
    Verdict::of(found)
}

fn held_at(order: &Order) -> Option<Timestamp> {
    let held = order.history.iter().find(|step| step.status == Status::AwaitingPayment)?;
    Some(held.at)
}

/// When each order was first acknowledged, and as what.
fn first_answers(journal: &Journal) -> HashMap<Uuid, (Timestamp, Order)> {
    let mut first = HashMap::new();
    for asked in &journal.requests {
        if let Operation::PlaceOrder { .. } = asked.operation
            && let Some(answer) = asked.success()
            && let Ok(order) = serde_json::from_value::<Order>(answer.body.clone())
        {
            first.entry(order.id).or_insert((asked.ended, order));
        }
    }
    first
}

/// The prices that each product was given, except where that was refused.
fn changes(journal: &Journal) -> HashMap<Uuid, Vec<(u64, &Asked)>> {
    let mut changes: HashMap<Uuid, Vec<_>> = HashMap::new();
    for asked in &journal.requests {
        let refused = asked.answer.as_ref().is_some_and(|answer| (400..500).contains(&answer.status));
        if let Operation::SetPrice { product, amount } = asked.operation
            && !refused
        {
            changes.entry(product).or_default().push((amount, asked));
        }
    }
    changes
}

/// Whether `price` can have been the price at some time from `from` to `to`: somebody had asked for it by then, and no
/// change asked for after its answer was answered before `from`.
fn was_valid(price: u64, changes: &[(u64, &Asked)], from: Timestamp, to: Timestamp) -> bool {
    let done = |asked: &Asked| asked.success().is_some();
    let is_past = |asked: &Asked| {
        let mut later = changes.iter().filter(|(_, later)| later.sent >= asked.ended);
        done(asked) && later.any(|(_, later)| done(later) && later.ended < from)
    };
    changes.iter().any(|(amount, asked)| *amount == price && asked.sent <= to && !is_past(asked))
}
