//! The journal: every request that a load generator sent to a shop, with its response and the times of both.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shop_client::{
    Method, Request, Response,
    model::{Line, Money},
};
use uuid::Uuid;

/// All requests that were sent to a stage since `started_at`. The audit does not compare older orders with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Journal {
    /// A time before the first request.
    pub started_at: Timestamp,
    /// The requests, in the order in which they ended.
    pub requests: Vec<RecordedRequest>,
    /// Whether it contains the requests of all clients. Otherwise, the audit compares only the orders that it acknowledges, because
    /// another client may have requested the others.
    pub is_complete: bool,
}

impl Journal {
    /// The orders that the shop acknowledged, once for each acknowledgement.
    pub fn placed(&self) -> impl Iterator<Item = Uuid> {
        let placements =
            self.requests.iter().filter(|request| matches!(request.operation, Operation::PlaceOrder { .. }));
        placements.filter_map(|request| request.success()?.id())
    }

    /// Counts the requests that were in flight at `moment` and took effect although the client received no response.
    /// A later retry proves it: the first conclusive response for the key is a replayed one.
    pub fn completed_without_response(&self, moment: Timestamp) -> usize {
        let mut first = HashMap::new();
        for RecordedRequest { caller, key, response, .. } in &self.requests {
            let conclusive = response.as_ref().filter(|response| response.is_conclusive());
            if let (Some(key), Some(response)) = (key, conclusive) {
                first.entry((caller, key)).or_insert(response.replayed);
            }
        }
        let was_interrupted = |request: &&RecordedRequest| {
            let conclusive = request.response.as_ref().is_some_and(RecordedResponse::is_conclusive);
            !conclusive && request.sent_at < moment && request.ended_at >= moment
        };
        let took_effect = |RecordedRequest { caller, key, .. }: &&RecordedRequest| {
            key.as_ref().is_some_and(|key| first.get(&(caller, key)) == Some(&true))
        };
        self.requests.iter().filter(was_interrupted).filter(took_effect).count()
    }
}

/// One request. A retry with the same key is another entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// The user who sent the request.
    pub caller: Uuid,
    /// The operation, with its path and body.
    #[serde(flatten)]
    pub operation: Operation,
    /// The `Idempotency-Key`, if the operation has one.
    pub key: Option<String>,
    /// When the request was sent.
    pub sent_at: Timestamp,
    /// When the response had arrived, or the client stopped waiting for it.
    pub ended_at: Timestamp,
    /// `None` if no complete response arrived; the outcome is then unknown.
    pub response: Option<RecordedResponse>,
}

/// An operation of the shop, with its path and body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Places an order.
    PlaceOrder {
        /// Each product at most once.
        lines: Vec<Line>,
    },
    /// Pays for an order.
    PayOrder {
        /// The order.
        order: Uuid,
        /// The provider's token for a card.
        source: String,
    },
    /// Cancels an order.
    CancelOrder {
        /// The order.
        order: Uuid,
    },
    /// Sets the price of a product. Adding the product is recorded as this operation too.
    SetPrice {
        /// The product.
        product: Uuid,
        /// Minor units.
        amount: u64,
    },
}

impl Operation {
    /// Builds the HTTP request, without a token.
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

    /// The order in the path of the request.
    pub fn order(&self) -> Option<Uuid> {
        match self {
            Self::PayOrder { order, .. } | Self::CancelOrder { order } => Some(*order),
            Self::PlaceOrder { .. } | Self::SetPrice { .. } => None,
        }
    }
}

/// A complete response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedResponse {
    /// The HTTP status.
    pub status: u16,
    /// Whether the shop marked this as the stored response to an earlier request with the same key.
    pub replayed: bool,
    /// The body, or null if it is not JSON.
    pub body: Value,
}

impl From<&Response> for RecordedResponse {
    fn from(response: &Response) -> Self {
        Self {
            status: response.status.as_u16(),
            replayed: response.is_replayed(),
            body: serde_json::from_slice(&response.body).unwrap_or(Value::Null),
        }
    }
}

impl RecordedResponse {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the response shows the outcome of the request. After 429 and 5xx an earlier attempt with the same key may
    /// still have taken effect.
    fn is_conclusive(&self) -> bool {
        self.status < 500 && self.status != 429
    }

    /// The `id` in the body.
    pub fn id(&self) -> Option<Uuid> {
        self.body["id"].as_str()?.parse().ok()
    }
}

impl RecordedRequest {
    /// The response, if its status is 2xx.
    pub fn success(&self) -> Option<&RecordedResponse> {
        self.response.as_ref().filter(|response| response.is_success())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const FRESH: Option<(u16, bool)> = Some((201, false));
    const REPLAYED: Option<(u16, bool)> = Some((201, true));
    const UNAVAILABLE: Option<(u16, bool)> = Some((503, false));

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// A request that was in flight for two seconds.
    fn request(key: &str, sent: i64, response: Option<(u16, bool)>) -> RecordedRequest {
        RecordedRequest {
            caller: Uuid::nil(),
            operation: Operation::PlaceOrder { lines: vec![] },
            key: Some(key.to_owned()),
            sent_at: at(sent),
            ended_at: at(sent + 2),
            response: response.map(|(status, replayed)| RecordedResponse {
                status,
                replayed,
                body: Value::Null,
            }),
        }
    }

    fn completed_without_response(requests: Vec<RecordedRequest>) -> usize {
        Journal { started_at: at(0), requests, is_complete: true }.completed_without_response(at(20))
    }

    #[test]
    fn an_interrupted_request_took_effect_if_its_first_response_is_a_replayed_one() {
        let count = completed_without_response;
        assert_eq!(count(vec![request("a", 19, None), request("a", 22, REPLAYED)]), 1);
        assert_eq!(
            count(vec![request("b", 19, None), request("b", 22, FRESH), request("b", 30, REPLAYED)]),
            0
        );
        assert_eq!(count(vec![request("c", 19, None)]), 0); // no retry shows the outcome
    }

    #[test]
    fn a_503_does_not_show_the_outcome() {
        let responses = [UNAVAILABLE, UNAVAILABLE, REPLAYED];
        let requests = (19..).step_by(2).zip(responses).map(|(sent, response)| request("a", sent, response));
        assert_eq!(completed_without_response(requests.collect()), 1);
    }

    #[test]
    fn only_interrupted_requests_that_were_in_flight_at_the_moment_count() {
        let before = [request("a", 9, None), request("a", 12, REPLAYED)];
        let after = [request("b", 21, None), request("b", 24, REPLAYED)];
        let known = [request("c", 10, FRESH), request("c", 19, None), request("c", 22, REPLAYED)];
        assert_eq!(completed_without_response([&before[..], &after, &known].concat()), 0);
    }
}
