//! Money: the orders compared with the ledger of the payment provider.

use std::collections::{HashMap, HashSet};

use shop_client::model::{Money, Order, Status};

use crate::{
    Snapshot, Verdict,
    snapshot::{Charge, ChargeStatus},
};

/// Successful charges by reference, which is the id of the order.
type Captured<'a> = HashMap<&'a str, Vec<&'a Charge>>;

/// A paid, shipped or delivered order has exactly one captured charge of its total. The net amount of a cancelled or
/// rejected order is zero. The orders and the ledger of the provider agree in both directions.
pub(super) fn matches(snapshot: &Snapshot) -> Verdict {
    let charges = match &snapshot.charges {
        Ok(charges) => charges,
        Err(why) => return Verdict::not_checkable(why),
    };
    let captured = captured(charges);
    let mut found = Vec::new();
    let mut references = HashSet::new();
    for order in &snapshot.orders {
        let id = order.id.to_string();
        let charges = captured.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        found
            .extend(violation(order, charges).map(|what| format!("order {id} ({:?}): {what}", order.status)));
        references.insert(id);
    }
    for charge in charges.iter().filter(|charge| !references.contains(&charge.reference)) {
        found.push(format!("charge {} refers to `{}`, which is not an order", charge.id, charge.reference));
    }
    Verdict::from_violations(found)
}

/// An order has at most one successful charge, and refunds do not exceed it.
pub(super) fn no_double_charge(snapshot: &Snapshot) -> Verdict {
    let charges = match &snapshot.charges {
        Ok(charges) => charges,
        Err(why) => return Verdict::not_checkable(why),
    };
    let mut found = Vec::new();
    for (order, charges) in captured(charges) {
        if charges.len() > 1 {
            let ids: Vec<_> = charges.iter().map(|charge| charge.id.as_str()).collect();
            found.push(format!("order {order} was charged {} times: {}", ids.len(), ids.join(", ")));
        }
    }
    for Charge { id, amount, refunded, .. } in charges.iter().filter(|c| c.refunded > c.amount) {
        found.push(format!("charge {id}: refunded {refunded}, but only {amount} was captured"));
    }
    Verdict::from_violations(found)
}

fn captured(charges: &[Charge]) -> Captured<'_> {
    let mut captured = Captured::new();
    for charge in charges.iter().filter(|charge| charge.status == ChargeStatus::Succeeded) {
        captured.entry(&charge.reference).or_default().push(charge);
    }
    captured
}

/// Compares one order with its successful charges.
fn violation(order: &Order, charges: &[&Charge]) -> Option<String> {
    use Status::{
        AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped,
    };
    let (total, lines) = (order.total.as_ref().map_or(0, |total| total.amount), lines_total(order));
    if total != lines {
        return Some(format!("the total is {total}, but the sum of the lines is {lines}"));
    }
    let net = charges.iter().filter(|charge| charge.amount != charge.refunded);
    let net: Vec<_> = net.map(|c| (c.amount - c.refunded.min(c.amount), c.currency.as_str())).collect();
    let expected: Vec<_> = match order.status {
        Paying | Refunding => return None, // the provider may be ahead of the shop
        Paid | Shipped | Delivered => order.total.iter().map(money).collect(),
        Pending | AwaitingPayment | Cancelled | Rejected => vec![],
    };
    if net != expected {
        let (net, expected) = (amounts(&net), amounts(&expected));
        return Some(format!("the payment provider holds {net}, expected {expected}"));
    }
    let (captured, refunded) = (order.payment.captured.amount, order.payment.refunded.amount);
    let captured_there: u64 = charges.iter().map(|charge| charge.amount).sum();
    let refunded_there: u64 = charges.iter().map(|charge| charge.refunded).sum();
    ((captured, refunded) != (captured_there, refunded_there)).then(|| {
        format!(
            "the shop shows {captured} captured and {refunded} refunded, \
            but the payment provider {captured_there} and {refunded_there}"
        )
    })
}

fn lines_total(order: &Order) -> u64 {
    let line = |price: &Money, quantity| price.amount * u64::from(quantity);
    let lines = order.items.iter().filter_map(|item| Some(line(item.unit_price.as_ref()?, item.quantity)));
    lines.sum()
}

fn money(money: &Money) -> (u64, &str) {
    (money.amount, &money.currency)
}

fn amounts(amounts: &[(u64, &str)]) -> String {
    let amounts: Vec<_> = amounts.iter().map(|(amount, currency)| format!("{amount} {currency}")).collect();
    if amounts.is_empty() { "nothing".to_owned() } else { amounts.join(" and ") }
}
