//! What was asked of a shop, when, and what it answered: kept by whoever asks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shop_client::{
    Answer, Method, Request,
    model::{Line, Money},
};
use uuid::Uuid;

/// Everything that was asked of a stage from `begun` on. Orders older than that are not judged against it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Journal {
    /// Before the first request.
    pub begun: Timestamp,
    /// In the order in which they ended.
    pub requests: Vec<Asked>,
}

impl Journal {
    /// The orders that were acknowledged, each as often as that was said.
    pub fn placed(&self) -> impl Iterator<Item = Uuid> {
        let placements =
            self.requests.iter().filter(|asked| matches!(asked.operation, Operation::PlaceOrder { .. }));
        placements.filter_map(|asked| asked.success()?.id())
    }
}

/// One request; a repeat under the same key is another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asked {
    /// The user who asked.
    pub caller: Uuid,
    /// What for.
    #[serde(flatten)]
    pub operation: Operation,
    /// The Idempotency-Key, where the operation has one.
    pub key: Option<String>,
    /// When the request was sent.
    pub sent: Timestamp,
    /// When its answer had arrived, or the wait for one was over.
    pub ended: Timestamp,
    /// None when no whole answer came: whether anything was done is unknown.
    pub answer: Option<Answered>,
}

/// What a request asks for: its path and its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// A new order.
    PlaceOrder {
        /// Each product at most once.
        lines: Vec<Line>,
    },
    /// A payment for an order.
    PayOrder {
        /// The order.
        order: Uuid,
        /// The provider's token for a card.
        source: String,
    },
    /// A cancellation.
    CancelOrder {
        /// The order.
        order: Uuid,
    },
    /// A product's price from then on; adding the product sets its first.
    SetPrice {
        /// The product.
        product: Uuid,
        /// Minor units.
        amount: u64,
    },
}

impl Operation {
    /// The request that it is, without a token.
    pub fn request(&self, key: Option<&str>) -> Request {
        let request = match self {
            Self::PlaceOrder { lines } => Request::post("/orders").json(&json!({ "items": lines })),
            Self::PayOrder { order, source } => {
                Request::post(format!("/orders/{order}/payment")).json(&json!({ "source": source }))
            }
            Self::CancelOrder { order } => Request::post(format!("/orders/{order}/cancellation")),
            Self::SetPrice { product, amount } => {
                let price = json!({ "price": Money::eur(*amount) });
                Request::new(Method::PATCH, format!("/products/{product}")).json(&price)
            }
        };
        match key {
            Some(key) => request.key(key),
            None => request,
        }
    }

    /// The order that its path names.
    pub fn order(&self) -> Option<Uuid> {
        match self {
            Self::PayOrder { order, .. } | Self::CancelOrder { order } => Some(*order),
            Self::PlaceOrder { .. } | Self::SetPrice { .. } => None,
        }
    }
}

/// A whole answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// Whether the shop said that this is the stored answer to an earlier request under the same key.
    pub replayed: bool,
    /// The body; null where it is not JSON.
    pub body: Value,
}

impl From<&Answer> for Answered {
    fn from(answer: &Answer) -> Self {
        Self {
            status: answer.status.as_u16(),
            replayed: answer.is_replayed(),
            body: serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        }
    }
}

impl Answered {
    /// Whether the shop said that it did what was asked.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The `id` in the body.
    pub fn id(&self) -> Option<Uuid> {
        self.body["id"].as_str()?.parse().ok()
    }
}

impl Asked {
    /// The answer, if the shop said that it did what was asked.
    pub fn success(&self) -> Option<&Answered> {
        self.answer.as_ref().filter(|answer| answer.is_success())
    }
}
