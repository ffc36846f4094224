//! The status and the history of orders.

use shop_client::model::{
    Order,
    Reason::{CustomerRequest, Expired, OutOfStock, TimedOut, UnknownProduct},
    Status::{self, AwaitingPayment, Cancelled, Pending, Refunding, Rejected},
};

use super::messages::lagging;
use crate::{Snapshot, Verdict};

/// Every recorded history is a path of the state machine, and no order leaves a terminal state.
pub(super) fn legal(snapshot: &Snapshot) -> Verdict {
    let violation = |order: &Order| Some(format!("order {}: {}", order.id, history_violation(order)?));
    Verdict::from_violations(snapshot.orders.iter().filter_map(violation).collect())
}

/// Every order is settled, no order changed while the orders were read, and no message is in transit.
pub(super) fn at_rest(snapshot: &Snapshot) -> Verdict {
    let unsettled = snapshot.orders.iter().filter(|order| !order.status.is_settled());
    let mut found: Vec<_> =
        unsettled.map(|order| format!("order {} is still {:?}", order.id, order.status)).collect();
    if snapshot.changed > 0 {
        found.push(format!("{} orders were created or changed while the audit read them", snapshot.changed));
    }
    match &snapshot.messages {
        Some(Err(why)) => return Verdict::not_checkable(why).with_violations(&found),
        Some(Ok(messages)) => found.extend(lagging(&messages.consumers)),
        None => {}
    }
    Verdict::from_violations(found)
}

fn history_violation(order: &Order) -> Option<String> {
    let path: Vec<Status> = order.history.iter().map(|step| step.status).collect();
    if path.first() != Some(&Pending) {
        return Some(format!("the history {path:?} does not start with Pending"));
    }
    if path.last() != Some(&order.status) {
        return Some(format!("the status is {:?}, but the history {path:?} ends differently", order.status));
    }
    let mut steps = path.iter().zip(path.iter().skip(1));
    if let Some((from, to)) = steps.find(|(from, to)| !from.may_become(**to)) {
        return Some(format!("the history {path:?} contains the invalid transition from {from:?} to {to:?}"));
    }
    if let Some(late) = order.history.windows(2).find(|steps| steps[0].at > steps[1].at) {
        return Some(format!(
            "the timestamp of {:?} is earlier than that of {:?} before it",
            late[1].status, late[0].status
        ));
    }
    let left = path.len().checked_sub(2).map(|i| path[i]);
    (!reason_fits(order, left))
        .then(|| format!("the reason {:?} does not match the history {path:?}", order.reason))
}

/// Whether the state machine allows the reason for the transition from `left` to the status of the order.
fn reason_fits(order: &Order, left: Option<Status>) -> bool {
    match (left, order.status) {
        (_, Rejected) => matches!(order.reason, Some(OutOfStock | UnknownProduct)),
        (Some(Pending), Cancelled) => matches!(order.reason, Some(CustomerRequest | TimedOut)),
        (Some(AwaitingPayment), Cancelled) => {
            matches!(order.reason, Some(CustomerRequest | Expired))
        }
        (_, Cancelled) => order.reason == Some(CustomerRequest),
        (_, Refunding) => true, // the order may already show the reason of the cancellation
        _ => order.reason.is_none(),
    }
}
