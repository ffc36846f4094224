//! Units: received, available, held, sold.

use std::collections::{HashMap, HashSet};

use shop_client::model::Status::{AwaitingPayment, Delivered, Paid, Paying, Pending, Refunding, Shipped};
use uuid::Uuid;

use crate::{Snapshot, Verdict, snapshot::Stock};

/// `received = available + held + sold` for every product, none negative.
pub(super) fn conserved(snapshot: &Snapshot) -> Verdict {
    let wrong = snapshot.stock.iter().filter(|stock| {
        let Stock { received, available, held, sold, .. } = **stock;
        received != available + held + sold || [received, available, held, sold].iter().any(|n| *n < 0)
    });
    let violation = |stock: &Stock| {
        let Stock { product_id, received, available, held, sold } = stock;
        format!(
            "product {product_id}: received {received}, but {available} available + {held} held + {sold} sold"
        )
    };
    Verdict::of(wrong.map(violation).collect())
}

/// The units in paid, shipped and delivered orders are sold, no others, and never more than were received.
pub(super) fn no_oversell(snapshot: &Snapshot) -> Verdict {
    let sold = snapshot.units_in(&[Paid, Shipped, Delivered]);
    let perhaps = snapshot.units_in(&[Refunding]);
    let mut found = compare(snapshot, "sold", |stock| stock.sold, &sold, &perhaps);
    for Stock { product_id, received, sold, .. } in &snapshot.stock {
        if sold > received {
            found.push(format!("product {product_id}: {sold} sold, but only {received} received"));
        }
    }
    Verdict::of(found)
}

/// The units in `awaiting_payment` and `paying` orders are held, and no others.
///
/// Holds of single orders cannot be seen from outside; their sum for each product can.
pub(super) fn holds_match(snapshot: &Snapshot) -> Verdict {
    let held = snapshot.units_in(&[AwaitingPayment, Paying]);
    let perhaps = snapshot.units_in(&[Pending, Refunding]);
    Verdict::of(compare(snapshot, "held", |stock| stock.held, &held, &perhaps))
}

/// The products whose ledger says less than `surely`, or more than that and `perhaps` (orders on their way elsewhere).
fn compare(
    snapshot: &Snapshot,
    what: &str,
    in_ledger: fn(&Stock) -> i64,
    surely: &HashMap<Uuid, i64>,
    perhaps: &HashMap<Uuid, i64>,
) -> Vec<String> {
    let units = |of: &HashMap<Uuid, i64>, product| of.get(product).copied().unwrap_or(0);
    let mut found = Vec::new();
    for stock in &snapshot.stock {
        let (ledger, orders) = (in_ledger(stock), units(surely, &stock.product_id));
        if ledger < orders || ledger > orders + units(perhaps, &stock.product_id) {
            found.push(format!(
                "product {}: its ledger says {ledger} {what}, the orders say {orders}",
                stock.product_id
            ));
        }
    }
    let known: HashSet<&Uuid> = snapshot.stock.iter().map(|stock| &stock.product_id).collect();
    for (product, units) in surely.iter().filter(|(product, _)| !known.contains(product)) {
        found.push(format!("product {product}: the orders say {units} {what}, and it does not exist"));
    }
    found
}
