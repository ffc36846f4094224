//! An order's life.

use shop_client::model::{
    Order,
    Reason::{CustomerRequest, Expired, OutOfStock, TimedOut, UnknownProduct},
    Status::{self, AwaitingPayment, Cancelled, Pending, Refunding, Rejected},
};

use super::messages::lag;
use crate::{Snapshot, Verdict};

/// Every recorded history is a path of the diagram, and nothing leaves a terminal state.
pub(super) fn legal(snapshot: &Snapshot) -> Verdict {
    let violation = |order: &Order| Some(format!("order {}: {}", order.id, offence(order)?));
    Verdict::of(snapshot.orders.iter().filter_map(violation).collect())
}

/// No order is on its way, nothing changed while the orders were read, and no message waits.
pub(super) fn at_rest(snapshot: &Snapshot) -> Verdict {
    let restless = snapshot.orders.iter().filter(|order| !order.status.is_settled());
    let mut found: Vec<_> =
        restless.map(|order| format!("order {} is still {:?}", order.id, order.status)).collect();
    if snapshot.changed > 0 {
        found.push(format!("{} orders came or changed while they were read", snapshot.changed));
    }
    match &snapshot.messages {
        Some(Err(why)) => return Verdict::not_checkable(why).and(&found),
        Some(Ok(messages)) => found.extend(lag(&messages.consumers)),
        None => {}
    }
    Verdict::of(found)
}

fn offence(order: &Order) -> Option<String> {
    let path: Vec<Status> = order.history.iter().map(|step| step.status).collect();
    if path.first() != Some(&Pending) {
        return Some(format!("its history {path:?} does not begin with Pending"));
    }
    if path.last() != Some(&order.status) {
        return Some(format!("it is {:?}, its history {path:?} ends otherwise", order.status));
    }
    let mut steps = path.iter().zip(path.iter().skip(1));
    if let Some((from, to)) = steps.find(|(from, to)| !from.may_become(**to)) {
        return Some(format!("{to:?} may not follow {from:?} in {path:?}"));
    }
    if let Some(late) = order.history.windows(2).find(|steps| steps[0].at > steps[1].at) {
        return Some(format!("{:?} is older than the {:?} before it", late[1].status, late[0].status));
    }
    let left = path.len().checked_sub(2).map(|i| path[i]);
    (!reason_fits(order, left)).then(|| format!("{path:?} with the reason {:?}", order.reason))
}

/// Whether the reason is one of those on the arrow from `left` to the order's status.
fn reason_fits(order: &Order, left: Option<Status>) -> bool {
    match (left, order.status) {
        (_, Rejected) => matches!(order.reason, Some(OutOfStock | UnknownProduct)),
        (Some(Pending), Cancelled) => matches!(order.reason, Some(CustomerRequest | TimedOut)),
        (Some(AwaitingPayment), Cancelled) => {
            matches!(order.reason, Some(CustomerRequest | Expired))
        }
        (_, Cancelled) => order.reason == Some(CustomerRequest),
        (_, Refunding) => true, // it may say already why it will be cancelled
        _ => order.reason.is_none(),
    }
}
