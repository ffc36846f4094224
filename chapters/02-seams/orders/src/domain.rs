//! An order and the transitions between its statuses.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::status::{
    Reason,
    Status::{
        self, AwaitingPayment, Cancelled, Delivered, Paid, Paying, Pending, Refunding, Rejected, Shipped,
    },
};
use chassis::{caller::UserId, money::Money, web::has_length};
use products::{HeldLine, HolderId, ProductId, Quantity};

/// The id of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub Uuid);

/// An order holds stock under its own id.
impl From<OrderId> for HolderId {
    fn from(order: OrderId) -> Self {
        Self(order.0)
    }
}

/// An order, as its customer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// The id of the order, created by the shop.
    pub id: OrderId,
    /// The customer who placed it.
    pub customer_id: UserId,
    /// The current name of the customer.
    pub customer_name: Option<String>,
    /// The current status.
    pub status: Status,
    /// Why it was rejected or cancelled, in these two statuses.
    pub reason: Option<Reason>,
    /// The lines of the order.
    pub items: Vec<Line>,
    /// The sum of its lines; known once stock is held.
    pub total: Option<Money>,
    /// The state of its payment.
    pub payment: Payment,
    /// All statuses it has had, oldest first.
    pub history: Vec<Entry>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When the stock that is held for an unpaid order is released.
    pub expires_at: Option<Timestamp>,
}

/// A line of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Quantity,
    /// The name of the product when its stock was held.
    pub name: Option<String>,
    /// The price of one unit when its stock was held. It does not change later.
    pub unit_price: Option<Money>,
}

/// The state of the payment of an order.
#[derive(Clone, Debug, Serialize)]
pub struct Payment {
    /// The amount that the provider charged.
    pub captured: Money,
    /// The amount that the provider refunded.
    pub refunded: Money,
    /// Why the last payment attempt was declined; none while an attempt is in progress.
    pub decline_code: Option<String>,
}

/// An entry in the history of an order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The status.
    pub status: Status,
    /// When the order got the status.
    pub at: Timestamp,
}

/// Why an order cannot change to the requested status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// The current status does not allow it.
    #[error("the order is {0}")]
    Status(Status),
    /// It was not paid in time, so the stock held for it is about to be released.
    #[error("the order has expired")]
    Expired,
}

/// The result of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The order was already cancelled.
    Repeated,
    /// The order is cancelled, and the caller must release its stock.
    Done,
    /// The order was paid, so the caller must refund the money before it is cancelled.
    Refund,
}

impl Order {
    /// Creates a pending order. Names, prices and the total are not known yet.
    pub fn place(
        id: OrderId,
        customer_id: UserId,
        customer_name: Option<String>,
        lines: &Lines,
        now: Timestamp,
    ) -> Self {
        let line = |&(product_id, quantity)| Line { product_id, quantity, name: None, unit_price: None };
        Self {
            id,
            customer_id,
            customer_name,
            status: Pending,
            reason: None,
            items: lines.as_slice().iter().map(line).collect(),
            total: None,
            payment: Payment { captured: Money::ZERO, refunded: Money::ZERO, decline_code: None },
            history: vec![Entry { status: Pending, at: now }],
            created_at: now,
            expires_at: None,
        }
    }

    /// Records that the stock is held: names, prices and the total are now fixed, and the order awaits payment.
    pub fn hold(
        &mut self,
        held: Vec<HeldLine>,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), TransitionError> {
        self.advance(Pending, AwaitingPayment, now)?;
        let mut total = 0;
        for (line, held) in self.items.iter_mut().zip(held) {
            total += held.unit_price.amount * line.quantity.get();
            line.name = Some(held.name);
            line.unit_price = Some(held.unit_price);
        }
        self.total = Some(Money::cents(total));
        self.expires_at = Some(expires_at);
        Ok(())
    }

    /// Records that the stock cannot be held.
    pub fn reject(&mut self, reason: Reason, now: Timestamp) -> Result<(), TransitionError> {
        self.advance(Pending, Rejected, now)?;
        self.reason = Some(reason);
        Ok(())
    }

    /// Starts a payment and returns the amount to charge. Fails if the order has expired, even if it is not cancelled yet.
    pub fn pay(&mut self, now: Timestamp) -> Result<Money, TransitionError> {
        match (self.status, self.total, self.expires_at) {
            (AwaitingPayment, Some(total), Some(expires_at)) if expires_at > now => {
                self.advance(AwaitingPayment, Paying, now)?;
                self.payment.decline_code = None;
                Ok(total)
            }
            (AwaitingPayment, ..) => Err(TransitionError::Expired),
            (status, ..) => Err(TransitionError::Status(status)),
        }
    }

    /// Records that the provider charged the money.
    pub fn capture(&mut self, amount: Money, now: Timestamp) -> Result<(), TransitionError> {
        self.advance(Paying, Paid, now)?;
        self.payment.captured = amount;
        Ok(())
    }

    /// Records that the provider declined the payment. The order can be paid again while its stock is held.
    pub fn decline(&mut self, code: String, now: Timestamp) -> Result<(), TransitionError> {
        self.advance(Paying, AwaitingPayment, now)?;
        self.payment.decline_code = Some(code);
        Ok(())
    }

    /// Cancels the order. Fails while a payment is in progress, because its outcome is unknown.
    pub fn cancel(&mut self, now: Timestamp) -> Result<Cancellation, TransitionError> {
        match self.status {
            Cancelled | Refunding => Ok(Cancellation::Repeated),
            Paid => self.advance(Paid, Refunding, now).map(|()| Cancellation::Refund),
            Pending | AwaitingPayment => {
                self.advance(self.status, Cancelled, now)?;
                self.reason = Some(Reason::CustomerRequest);
                Ok(Cancellation::Done)
            }
            Rejected | Paying | Shipped | Delivered => Err(TransitionError::Status(self.status)),
        }
    }

    /// Records that the money was refunded.
    pub fn refund(&mut self, amount: Money, now: Timestamp) -> Result<(), TransitionError> {
        self.advance(Refunding, Cancelled, now)?;
        self.reason = Some(Reason::CustomerRequest);
        self.payment.refunded = amount;
        Ok(())
    }

    /// Cancels the order because it was not paid in time.
    pub fn expire(&mut self, now: Timestamp) -> Result<(), TransitionError> {
        if self.expires_at.is_none_or(|at| at > now) {
            return Err(TransitionError::Status(self.status));
        }
        self.advance(AwaitingPayment, Cancelled, now)?;
        self.reason = Some(Reason::Expired);
        Ok(())
    }

    /// Marks the order as shipped. Returns false if it already was.
    pub fn ship(&mut self, now: Timestamp) -> Result<bool, TransitionError> {
        self.advance_once(Paid, Shipped, now)
    }

    /// Marks the order as delivered. Returns false if it already was.
    pub fn deliver(&mut self, now: Timestamp) -> Result<bool, TransitionError> {
        self.advance_once(Shipped, Delivered, now)
    }

    fn advance_once(&mut self, from: Status, to: Status, now: Timestamp) -> Result<bool, TransitionError> {
        if self.status == to {
            return Ok(false);
        }
        self.advance(from, to, now).map(|()| true)
    }

    /// Changes the status. All changes go through this function. The caller names the expected status as well, because
    /// two different steps, a hold and a decline, lead to `awaiting_payment`.
    fn advance(&mut self, from: Status, to: Status, now: Timestamp) -> Result<(), TransitionError> {
        if self.status != from || !from.may_become(to) {
            return Err(TransitionError::Status(self.status));
        }
        self.status = to;
        self.history.push(Entry { status: to, at: now });
        Ok(())
    }
}

/// The lines of a new order: 1 to 50, each for a different product.
#[derive(Clone, Debug)]
pub struct Lines(Vec<(ProductId, Quantity)>);

impl Lines {
    /// Accepts 1 to 50 lines, each for a different product.
    pub fn parse(lines: Vec<(ProductId, Quantity)>) -> Result<Self, &'static str> {
        let products: HashSet<_> = lines.iter().map(|(product, _)| product).collect();
        match lines.len() {
            1..=50 if products.len() == lines.len() => Ok(Self(lines)),
            1..=50 => Err("must contain each product at most once"),
            _ => Err("must have 1 to 50 lines"),
        }
    }

    /// The lines, in the order of the request.
    pub fn as_slice(&self) -> &[(ProductId, Quantity)] {
        &self.0
    }
}

/// The payment provider's token for a card.
#[derive(Clone, Debug)]
pub struct Source(String);

impl Source {
    /// Accepts 1 to 100 characters.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if has_length(&text, 1..=100) { Ok(Self(text)) } else { Err("must have 1 to 100 characters") }
    }

    /// The token as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lines(count: usize) -> Vec<(ProductId, Quantity)> {
        (0..count).map(|_| (ProductId(Uuid::now_v7()), Quantity::parse(2).unwrap())).collect()
    }

    fn placed() -> Order {
        let lines = Lines::parse(lines(2)).unwrap();
        Order::place(OrderId(Uuid::now_v7()), UserId(Uuid::now_v7()), None, &lines, at(0))
    }

    fn held() -> Order {
        let mut order = placed();
        let line = |cents| HeldLine { name: "Mug".into(), unit_price: Money::cents(cents) };
        order.hold(vec![line(1250), line(1)], at(900), at(0)).unwrap();
        order
    }

    #[test]
    fn holding_stock_fixes_names_prices_and_the_total() {
        let order = held();
        assert_eq!(order.total, Some(Money::cents(2 * 1250 + 2)));
        assert_eq!(order.items[0].unit_price, Some(Money::cents(1250)));
        assert_eq!(order.expires_at, Some(at(900)));
    }

    #[test]
    fn an_order_can_be_paid_until_the_moment_it_expires() {
        assert_eq!(held().pay(at(899)), Ok(Money::cents(2502)));
        assert_eq!(held().pay(at(900)), Err(TransitionError::Expired));
        assert_eq!(held().expire(at(899)), Err(TransitionError::Status(AwaitingPayment)));
        assert_eq!(held().expire(at(900)), Ok(()));
    }

    #[test]
    fn a_declined_order_can_be_paid_again() {
        let mut order = held();
        order.pay(at(1)).unwrap();
        order.decline("insufficient_funds".into(), at(2)).unwrap();
        assert_eq!(order.payment.decline_code.as_deref(), Some("insufficient_funds"));
        order.pay(at(3)).unwrap();
        assert_eq!(order.payment.decline_code, None);
    }

    #[test]
    fn a_paid_order_is_refunded_before_it_is_cancelled() {
        let mut order = held();
        order.pay(at(1)).unwrap();
        assert_eq!(order.cancel(at(2)), Err(TransitionError::Status(Paying)));
        order.capture(Money::cents(2502), at(2)).unwrap();
        assert_eq!(order.cancel(at(3)), Ok(Cancellation::Refund));
        assert_eq!((order.status, order.reason), (Refunding, None));
        order.refund(Money::cents(2502), at(4)).unwrap();
        assert_eq!((order.status, order.reason), (Cancelled, Some(Reason::CustomerRequest)));
        assert_eq!(order.cancel(at(5)), Ok(Cancellation::Repeated));
    }

    #[test]
    fn an_order_has_1_to_50_lines_each_for_a_different_product() {
        assert!(Lines::parse(lines(1)).is_ok() && Lines::parse(lines(50)).is_ok());
        assert!(Lines::parse(lines(0)).is_err() && Lines::parse(lines(51)).is_err());
        let one = lines(1);
        assert!(Lines::parse([one.clone(), one].concat()).is_err());
    }

    /// A transition of an order.
    type Event = fn(&mut Order, Timestamp) -> Result<(), TransitionError>;

    const EVENTS: [Event; 10] = [
        |order, now| order.hold(vec![], now + SignedDuration::from_secs(5), now),
        |order, now| order.reject(Reason::OutOfStock, now),
        |order, now| order.pay(now).map(drop),
        |order, now| order.capture(Money::cents(1), now),
        |order, now| order.decline("no".into(), now),
        |order, now| order.cancel(now).map(drop),
        |order, now| order.refund(Money::cents(1), now),
        Order::expire,
        |order, now| order.ship(now).map(drop),
        |order, now| order.deliver(now).map(drop),
    ];

    proptest! {
        /// For any sequence of events, the history of an order is a path in the status diagram, and money moves only on
        /// paths that include a payment.
        #[test]
        fn every_history_is_legal(events in prop::collection::vec(0..EVENTS.len(), 0..30)) {
            let mut order = placed();
            for (second, event) in (1..).zip(events) {
                let before = order.clone();
                if EVENTS[event](&mut order, at(second)).is_err() {
                    prop_assert_eq!(order.history.len(), before.history.len());
                    prop_assert_eq!(order.status, before.status);
                }
            }
            prop_assert_eq!(order.history[0].status, Pending);
            prop_assert_eq!(order.history.last().unwrap().status, order.status);
            prop_assert!(order.history.windows(2).all(|step| step[0].status.may_become(step[1].status)));
            let has_been = |status| order.history.iter().any(|entry| entry.status == status);
            prop_assert_eq!(order.payment.captured != Money::ZERO, has_been(Paid));
            prop_assert_eq!(order.payment.refunded != Money::ZERO, has_been(Refunding) && has_been(Cancelled));
            prop_assert_eq!(order.reason.is_some(), matches!(order.status, Rejected | Cancelled));
        }
    }
}
