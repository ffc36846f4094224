//! The schemas of the contract. A response may contain fields that are missing here; the client ignores them, so that
//! the shop can add fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An amount of money in minor units (cents).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: 1999 means 19.99.
    pub amount: u64,
    /// ISO 4217 code. The shop has one currency, EUR.
    pub currency: String,
}

impl Money {
    /// Creates an amount in euro cents.
    pub fn eur(amount: u64) -> Self {
        Self { amount, currency: "EUR".to_owned() }
    }
}

/// The body of a registration.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// Unique in the shop; compared without regard to case.
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 10 to 128 characters.
    pub password: String,
}

/// The role of a user, which decides what the user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Places, pays and cancels orders.
    Customer,
    /// Manages products, ships and delivers, and reads every order. Staff cannot pay for a customer.
    Staff,
}

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
}

/// The result of a log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The bearer token.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// The shop rejects the token from this time on.
    pub expires_at: Timestamp,
}

/// The body of a profile change. At least one field must be set.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct ProfileChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The body that adds a product.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct NewProduct {
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The number of units received with the product.
    pub stock: u32,
}

/// The body of a product change. At least one field must be set.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct ProductChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A product, as every client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Product {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The number of units that can be ordered now.
    pub available: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One page of a list. The last page has no `next_cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// The stock ledger of a product. `received = available + held + sold` holds at every moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Stock {
    pub product_id: Uuid,
    pub received: u64,
    pub available: u64,
    pub held: u64,
    pub sold: u64,
}

/// One line of a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Line {
    pub product_id: Uuid,
    pub quantity: u32,
}

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "`may_become` shows the state machine")]
pub enum Status {
    Pending,
    Rejected,
    AwaitingPayment,
    Paying,
    Paid,
    Refunding,
    Cancelled,
    Shipped,
    Delivered,
}

impl Status {
    /// Whether the state machine of orders has a transition from this status to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending => matches!(next, Self::Rejected | Self::Cancelled | Self::AwaitingPayment),
            Self::AwaitingPayment => matches!(next, Self::Paying | Self::Cancelled),
            Self::Paying => matches!(next, Self::Paid | Self::AwaitingPayment),
            Self::Paid => matches!(next, Self::Shipped | Self::Refunding),
            Self::Refunding => next == Self::Cancelled,
            Self::Shipped => next == Self::Delivered,
            Self::Rejected | Self::Cancelled | Self::Delivered => false,
        }
    }

    /// Whether the shop has finished its own work on the order: it is not `pending`, `paying` or `refunding`.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Paying | Self::Refunding)
    }
}

/// Why an order was rejected or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Reason {
    OutOfStock,
    UnknownProduct,
    Expired,
    TimedOut,
    CustomerRequest,
}

/// An order, as its customer and staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Order {
    pub id: Uuid,
    pub customer_id: Uuid,
    /// `None` while the name is unavailable.
    pub customer_name: Option<String>,
    pub status: Status,
    pub reason: Option<Reason>,
    pub items: Vec<OrderItem>,
    /// `None` until stock is held.
    pub total: Option<Money>,
    pub payment: Payment,
    pub history: Vec<Step>,
    pub created_at: Timestamp,
    /// The order can be paid before this time. `None` until stock is held.
    pub expires_at: Option<Timestamp>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct OrderItem {
    pub product_id: Uuid,
    pub quantity: u32,
    /// The name when stock was held; `None` until then.
    pub name: Option<String>,
    /// The price when stock was held; `None` until then.
    pub unit_price: Option<Money>,
}

/// The payments of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The amount that the payment provider captured.
    pub captured: Money,
    /// The amount that the payment provider refunded.
    pub refunded: Money,
    /// The reason why the last attempt was declined.
    pub decline_code: Option<String>,
}

/// One entry of an order's history: a status, and when the order entered it, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Step {
    pub status: Status,
    pub at: Timestamp,
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Problem {
    /// A stable identifier, for example `/problems/email-taken`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: Option<String>,
    pub request_id: Option<String>,
    /// The invalid fields of the request.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// The error of one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct FieldError {
    pub field: String,
    pub message: String,
}
