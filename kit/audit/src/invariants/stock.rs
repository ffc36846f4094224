//! Stock: the ledger of each product compared with the orders.

use std::collections::{HashMap, HashSet};

use shop_client::model::Status::{AwaitingPayment, Delivered, Paid, Paying, Pending, Refunding, Shipped};
use uuid::Uuid;

use crate::{Snapshot, Verdict, snapshot::Stock};

/// `received = available + held + sold` holds for every product, and no number is negative.
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
    Verdict::from_violations(wrong.map(violation).collect())
}

/// Exactly the units in paid, shipped and delivered orders are sold, and no more than were received.
pub(super) fn no_oversell(snapshot: &Snapshot) -> Verdict {
    let sold = snapshot.units_in(&[Paid, Shipped, Delivered]);
    let changing = snapshot.units_in(&[Refunding]);
    let mut found = compare(snapshot, "sold", |stock| stock.sold, &sold, &changing);
    for Stock { product_id, received, sold, .. } in &snapshot.stock {
        if sold > received {
            found.push(format!("product {product_id}: {sold} units sold, but only {received} received"));
        }
    }
    Verdict::from_violations(found)
}

/// Exactly the units in `awaiting_payment` and `paying` orders are held.
///
/// The API shows only the sum of the holds of each product, not the holds of single orders.
pub(super) fn holds_match(snapshot: &Snapshot) -> Verdict {
    let held = snapshot.units_in(&[AwaitingPayment, Paying]);
    let changing = snapshot.units_in(&[Pending, Refunding]);
    Verdict::from_violations(compare(snapshot, "held", |stock| stock.held, &held, &changing))
}

/// Finds the products whose ledger shows fewer units than `expected`, or more than `expected` and `changing` together.
/// `changing` are the units of orders that are between two states.
fn compare(
    snapshot: &Snapshot,
    kind: &str,
    in_ledger: fn(&Stock) -> i64,
    expected: &HashMap<Uuid, i64>,
    changing: &HashMap<Uuid, i64>,
) -> Vec<String> {
    let units = |of: &HashMap<Uuid, i64>, product| of.get(product).copied().unwrap_or(0);
    let mut found = Vec::new();
    for stock in &snapshot.stock {
        let (ledger, orders) = (in_ledger(stock), units(expected, &stock.product_id));
        if ledger < orders || ledger > orders + units(changing, &stock.product_id) {
            found.push(format!(
                "product {}: the stock ledger shows {ledger} units {kind}, but the orders add up to {orders}",
                stock.product_id
            ));
        }
    }
    let known: HashSet<&Uuid> = snapshot.stock.iter().map(|stock| &stock.product_id).collect();
    for (product, units) in expected.iter().filter(|(product, _)| !known.contains(product)) {
        found.push(format!(
            "product {product}: the orders add up to {units} units {kind}, but the product does not exist"
        ));
    }
    found
}
