//! A small valid shop: one product, one customer, and an order in every settled status.

use audit::{
    Journal, Snapshot,
    journal::{Operation, RecordedRequest, RecordedResponse},
    queries::QueryResults,
    snapshot::{Charge, ChargeStatus, Stock},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shop_client::model::{
    Line, Money, Order, OrderItem, Payment, Reason,
    Status::{
        self, AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped,
    },
    Step,
};
use uuid::Uuid;

pub(crate) const PRICE: u64 = 500;
const PRODUCT: Uuid = Uuid::from_u128(1);
const CUSTOMER: Uuid = Uuid::from_u128(2);

/// A time, in seconds since the start of the journal.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

pub(crate) fn step(status: Status, second: i64) -> Step {
    Step { status, at: at(second) }
}

/// A shop in which every invariant holds.
pub(crate) fn valid_shop() -> Snapshot {
    let paths: [&[Status]; 9] = [
        &[Pending, AwaitingPayment, Paying, Paid],
        &[Pending, AwaitingPayment, Paying, AwaitingPayment, Paying, Paid, Shipped],
        &[Pending, AwaitingPayment, Paying, Paid, Shipped, Delivered],
        &[Pending, AwaitingPayment],
        &[Pending, Rejected],
        &[Pending, Cancelled],
        &[Pending, AwaitingPayment, Cancelled],
        &[Pending, AwaitingPayment, Paying, AwaitingPayment, Cancelled],
        &[Pending, AwaitingPayment, Paying, Paid, Refunding, Cancelled],
    ];
    let orders: Vec<Order> = (10..).zip(paths).map(|(n, path)| order_with_path(n, 10, path)).collect();
    let mut journal = Journal { started_at: at(0), requests: vec![], is_complete: true };
    let price = Operation::SetPrice { product: PRODUCT, amount: PRICE };
    journal.requests.push(answered_request(price, None, 1, 201, json!({})));
    for order in &orders {
        acknowledge(&mut journal, order);
    }
    let line = |quantity| vec![Line { product_id: PRODUCT, quantity }];
    let repeat = journal.requests[1].clone();
    journal.requests.push(repeat);
    let other_body = Operation::PlaceOrder { lines: line(7) };
    journal.requests.push(answered_request(other_body, Some("10"), 60, 422, json!({})));
    let cut = RecordedRequest {
        response: None,
        ..answered_request(Operation::PlaceOrder { lines: line(8) }, Some("cut"), 61, 0, json!({}))
    };
    journal.requests.push(cut);
    Snapshot {
        stock: vec![Stock { product_id: PRODUCT, received: 20, available: 16, held: 1, sold: 3 }],
        charges: Ok(orders.iter().flat_map(charges).collect()),
        orders,
        journal: Some(journal),
        changed: 0,
        messages: None,
        query_results: QueryResults::new(),
    }
}

/// An order of one unit that was placed at second `placed_at` and took this path, one step per second.
pub(crate) fn order_with_path(id: u128, placed_at: i64, path: &[Status]) -> Order {
    let has = |status| path.contains(&status);
    let eur = |amount: bool| Money::eur(if amount { PRICE } else { 0 });
    let status = path[path.len() - 1];
    let price = has(AwaitingPayment).then(|| Money::eur(PRICE));
    Order {
        id: Uuid::from_u128(id),
        customer_id: CUSTOMER,
        customer_name: None,
        status,
        reason: match status {
            Rejected => Some(Reason::OutOfStock),
            Cancelled => Some(Reason::CustomerRequest),
            _ => None,
        },
        items: vec![OrderItem {
            product_id: PRODUCT,
            quantity: 1,
            name: price.as_ref().map(|_| "a book".to_owned()),
            unit_price: price.clone(),
        }],
        total: price,
        payment: Payment { captured: eur(has(Paid)), refunded: eur(has(Refunding)), decline_code: None },
        history: (placed_at..).zip(path).map(|(second, status)| step(*status, second)).collect(),
        created_at: at(placed_at),
        expires_at: None,
    }
}

/// Records the request that placed the order. The response shows the first two steps of its history.
pub(crate) fn acknowledge(journal: &mut Journal, order: &Order) {
    let then = Order { history: order.history[..2].to_vec(), ..order.clone() };
    let place = Operation::PlaceOrder { lines: vec![Line { product_id: PRODUCT, quantity: 1 }] };
    let key = order.id.as_u128().to_string();
    let seconds = order.created_at.as_second();
    let request = answered_request(place, Some(&key), seconds, 201, serde_json::to_value(then).unwrap());
    journal.requests.push(request);
}

/// A request whose response arrived one second later.
pub(crate) fn answered_request(
    operation: Operation,
    key: Option<&str>,
    second: i64,
    status: u16,
    body: Value,
) -> RecordedRequest {
    RecordedRequest {
        caller: CUSTOMER,
        operation,
        key: key.map(str::to_owned),
        sent_at: at(second),
        ended_at: at(second + 1),
        response: Some(RecordedResponse { status, replayed: false, body }),
    }
}

pub(crate) fn find(snapshot: &mut Snapshot, status: Status) -> &mut Order {
    snapshot.orders.iter_mut().find(|order| order.status == status).unwrap()
}

/// The charges of an order: a declined one for every step from `paying` back to `awaiting_payment`, and a successful one
/// if the order was paid.
fn charges(order: &Order) -> Vec<Charge> {
    let charge = |(n, step): (usize, &[Step])| {
        let status = match (step[0].status, step[1].status) {
            (Paying, Paid) => ChargeStatus::Succeeded,
            (Paying, _) => ChargeStatus::Declined,
            _ => return None,
        };
        let refunded = if status == ChargeStatus::Succeeded { order.payment.refunded.amount } else { 0 };
        Some(Charge {
            id: format!("ch_{}_{n}", order.id),
            reference: order.id.to_string(),
            amount: PRICE,
            refunded,
            currency: "EUR".to_owned(),
            status,
        })
    };
    order.history.windows(2).enumerate().filter_map(charge).collect()
}
