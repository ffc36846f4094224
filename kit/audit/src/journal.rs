//! What was asked of a shop, when, and what it answered: kept by whoever asks.

use std::collections::HashMap;

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

    /// How many requests were under way at a moment, and done though nobody was told: the first word under their key came
    /// later, and was a stored one.
    pub fn done_unsaid(&self, moment: Timestamp) -> usize {
        let mut first = HashMap::new();
        for Asked { caller, key, answer, .. } in &self.requests {
            if let (Some(key), Some(answer)) = (key, answer.as_ref().filter(|answer| answer.says_something()))
            {
                first.entry((caller, key)).or_insert(answer.replayed);
            }
        }
        let is_cut = |asked: &&Asked| {
            let unsaid = !asked.answer.as_ref().is_some_and(Answered::says_something);
            unsaid && asked.sent < moment && asked.ended >= moment
        };
        let was_done = |Asked { caller, key, .. }: &&Asked| {
            key.as_ref().is_some_and(|key| first.get(&(caller, key)) == Some(&true))
        };
        self.requests.iter().filter(is_cut).filter(was_done).count()
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

    /// Whether it tells what became of the request. One that was turned away for now, or broke a server, may have been done.
    fn says_something(&self) -> bool {
        self.status < 500 && self.status != 429
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const SAID: Option<(u16, bool)> = Some((201, false));
    const STORED: Option<(u16, bool)> = Some((201, true));
    const REFUSED: Option<(u16, bool)> = Some((503, false));

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// Under way for two seconds.
    fn asked(key: &str, sent: i64, answer: Option<(u16, bool)>) -> Asked {
        Asked {
            caller: Uuid::nil(),
            operation: Operation::PlaceOrder { lines: vec![] },
            key: Some(key.to_owned()),
            sent: at(sent),
            ended: at(sent + 2),
            answer: answer.map(|(status, replayed)| Answered { status, replayed, body: Value::Null }),
        }
    }

    fn done_unsaid(requests: Vec<Asked>) -> usize {
        Journal { begun: at(0), requests }.done_unsaid(at(20))
    }

    #[test]
    fn a_cut_request_was_done_when_its_first_answer_is_a_stored_one() {
        assert_eq!(done_unsaid(vec![asked("a", 19, None), asked("a", 22, STORED)]), 1);
        assert_eq!(done_unsaid(vec![asked("b", 19, None), asked("b", 22, SAID), asked("b", 30, STORED)]), 0);
        assert_eq!(done_unsaid(vec![asked("c", 19, None)]), 0); // nobody will ever know
    }

    #[test]
    fn being_turned_away_for_now_says_nothing() {
        let requests = [REFUSED, REFUSED, STORED];
        let requests = (19..).step_by(2).zip(requests).map(|(sent, answer)| asked("a", sent, answer));
        assert_eq!(done_unsaid(requests.collect()), 1);
    }

    #[test]
    fn only_what_was_under_way_at_that_moment_and_unsaid_counts() {
        let before = [asked("a", 9, None), asked("a", 12, STORED)];
        let while_away = [asked("b", 21, None), asked("b", 24, STORED)];
        let repeated = [asked("c", 10, SAID), asked("c", 19, None), asked("c", 22, STORED)];
        assert_eq!(done_unsaid([&before[..], &while_away, &repeated].concat()), 0);
    }
}
