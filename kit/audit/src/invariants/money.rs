//! Money: what orders say, and what the payment provider's ledger says.

use std::collections::{HashMap, HashSet};

use shop_client::model::{Money, Order, Status};

use crate::{
    Snapshot, Verdict,
    snapshot::{Charge, ChargeStatus},
};

/// Successful charges by their reference: the order's id.
type Captured<'a> = HashMap<&'a str, Vec<&'a Charge>>;

/// A paid, shipped or delivered order has one captured charge of its total; a cancelled or rejected one has net zero;
/// both ledgers agree, both ways.
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
        found.push(format!("charge {} is for `{}`, which is no order", charge.id, charge.reference));
    }
    Verdict::of(found)
}

/// At most one successful charge an order; refunds never exceed it.
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
        found.push(format!("charge {id}: {refunded} refunded of {amount}"));
    }
    Verdict::of(found)
}

fn captured(charges: &[Charge]) -> Captured<'_> {
    let mut captured = Captured::new();
    for charge in charges.iter().filter(|charge| charge.status == ChargeStatus::Succeeded) {
        captured.entry(&charge.reference).or_default().push(charge);
    }
    captured
}

/// What is wrong with the money of one order whose successful charges are these.
fn violation(order: &Order, charges: &[&Charge]) -> Option<String> {
    use Status::{
        AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped,
    };
    let (total, lines) = (order.total.as_ref().map_or(0, |total| total.amount), lines_total(order));
    if total != lines {
        return Some(format!("its total is {total}, its lines come to {lines}"));
    }
    let net = charges.iter().filter(|charge| charge.amount != charge.refunded);
    let net: Vec<_> = net.map(|c| (c.amount - c.refunded.min(c.amount), c.currency.as_str())).collect();
    let expected: Vec<_> = match order.status {
        Paying | Refunding => return None, // the provider may know more than the shop does yet
        Paid | Shipped | Delivered => order.total.iter().map(money).collect(),
        Pending | AwaitingPayment | Cancelled | Rejected => vec![],
    };
    if net != expected {
        return Some(format!("the provider has {}, {} is right", said(&net), said(&expected)));
    }
    let told = (order.payment.captured.amount, order.payment.refunded.amount);
    let taken = (
        charges.iter().map(|charge| charge.amount).sum(),
        charges.iter().map(|charge| charge.refunded).sum(),
    );
    (told != taken)
        .then(|| format!("captured and refunded are {told:?} in the shop, {taken:?} at the provider"))
}

fn lines_total(order: &Order) -> u64 {
    let line = |price: &Money, quantity| price.amount * u64::from(quantity);
    let lines = order.items.iter().filter_map(|item| Some(line(item.unit_price.as_ref()?, item.quantity)));
    lines.sum()
}

fn money(money: &Money) -> (u64, &str) {
    (money.amount, &money.currency)
}

fn said(amounts: &[(u64, &str)]) -> String {
    let amounts: Vec<_> = amounts.iter().map(|(amount, currency)| format!("{amount} {currency}")).collect();
    if amounts.is_empty() { "nothing".to_owned() } else { amounts.join(" and ") }
}
