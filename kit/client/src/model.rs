//! The schemas of the contract. Answers may have fields that are not here: a client reads what it knows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An amount in minor units (cents) of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units: 1999 is 19.99.
    pub amount: u64,
    /// ISO 4217; the shop has one currency, EUR.
    pub currency: String,
}

impl Money {
    /// So many cents.
    pub fn eur(amount: u64) -> Self {
        Self { amount, currency: "EUR".to_owned() }
    }
}

/// What a registration asks for.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// Unique in the shop, whatever its case.
    pub email: String,
    /// 1 to 100 characters.
    pub name: String,
    /// 10 to 128 characters.
    pub password: String,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Adds products, ships, delivers, sees every order; never pays.
    Staff,
}

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
}

/// A log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The bearer token.
    pub token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// From then on the token is refused.
    pub expires_at: Timestamp,
}

/// What to change of one's profile; at least one of the two.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct ProfileChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A product to add.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct NewProduct {
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The units received with it.
    pub stock: u32,
}

/// What to change of a product; at least one of the three.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct ProductChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A product as anybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Product {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub price: Money,
    /// Units that can be bought now.
    pub available: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One page of a list; the list goes on while there is a `next_cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// The stock ledger of a product: `received = available + held + sold`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Stock {
    pub product_id: Uuid,
    pub received: u64,
    pub available: u64,
    pub held: u64,
    pub sold: u64,
}

/// One line of an order to place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Line {
    pub product_id: Uuid,
    pub quantity: u32,
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the diagram of the shop says it")]
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
    /// The diagram of an order's life, as every stage has to keep it.
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

    /// Whether the shop has nothing left to do by itself: not pending, paying or refunding.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::Paying | Self::Refunding)
    }
}

/// Why an order was rejected or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Reason {
    OutOfStock,
    UnknownProduct,
    Expired,
    TimedOut,
    CustomerRequest,
}

/// An order as its customer and staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Order {
    pub id: Uuid,
    pub customer_id: Uuid,
    /// None while it cannot be had.
    pub customer_name: Option<String>,
    pub status: Status,
    pub reason: Option<Reason>,
    pub items: Vec<OrderItem>,
    /// None until stock is held.
    pub total: Option<Money>,
    pub payment: Payment,
    pub history: Vec<Step>,
    pub created_at: Timestamp,
    /// Until then it can be paid; none until stock is held.
    pub expires_at: Option<Timestamp>,
}

/// One line of an order, with what was promised for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct OrderItem {
    pub product_id: Uuid,
    pub quantity: u32,
    /// None until stock is held, as is the price.
    pub name: Option<String>,
    pub unit_price: Option<Money>,
}

/// The money of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// What the payment provider took.
    pub captured: Money,
    /// What it gave back.
    pub refunded: Money,
    /// Why the last attempt was declined.
    pub decline_code: Option<String>,
}

/// A status an order has had, and since when, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Step {
    pub status: Status,
    pub at: Timestamp,
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Problem {
    /// A stable name, e.g. `/problems/email-taken`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: Option<String>,
    pub request_id: Option<String>,
    /// The fields that are not valid.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct FieldError {
    pub field: String,
    pub message: String,
}
