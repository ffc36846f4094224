//! The client of the payment provider, an external service with an HTTP API.
//!
//! The provider may respond late, with an error, or never. So each request has an idempotency key, which makes a retry
//! safe. Every response other than a clear success or decline means that the outcome is unknown, not that it failed.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::domain::OrderId;
use contracts::money::Money;

/// An attempt to charge the total of an order. A new attempt is possible only after this one was declined.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The id of the row, and the idempotency key of the request to the provider.
    pub id: Uuid,
    /// The order to charge or refund.
    pub order: OrderId,
    /// The provider's token for the customer's card.
    pub source: String,
    /// The amount.
    pub amount: Money,
    /// How many requests were sent to the provider, the current one included.
    pub attempts: u32,
}

/// A refund of the payment of an order.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The id of the row, and the idempotency key of the request to the provider.
    pub id: Uuid,
    /// The order to charge or refund.
    pub order: OrderId,
    /// The provider's id of the charge to refund.
    pub charge: String,
    /// The amount.
    pub amount: Money,
    /// How many requests were sent to the provider, the current one included.
    pub attempts: u32,
}

/// The provider's response to a charge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Charged {
    /// The money was charged.
    Succeeded {
        /// The provider's id of the charge.
        id: String,
    },
    /// The money was not charged, and will never be with this key.
    Declined {
        /// The provider's id of the declined charge.
        id: String,
        /// The provider's code for the reason.
        decline_code: String,
    },
}

/// The outcome of a request is unknown. The provider may or may not have carried it out.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeUnknown {
    /// The connection failed, the request timed out, or the response could not be parsed.
    #[error("no valid response from the payment provider")]
    NoResponse(#[from] reqwest::Error),
    /// The provider responded with an error status.
    #[error("the payment provider responded with {0}")]
    ErrorStatus(reqwest::StatusCode),
}

/// The client of the payment provider.
#[derive(Clone)]
pub struct Provider {
    http: reqwest::Client,
    url: String,
}

impl Provider {
    /// Creates a client for the base URL. `timeout` is the limit for one request.
    pub fn new(url: &str, timeout: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    /// Charges the money of an order. Idempotent: repeating an attempt does not charge again.
    pub async fn charge(&self, attempt: &Attempt) -> Result<Charged, OutcomeUnknown> {
        #[derive(Serialize)]
        struct Charge<'a> {
            amount: i64,
            currency: &'a str,
            source: &'a str,
            reference: Uuid,
        }
        let charge = Charge {
            amount: attempt.amount.amount,
            currency: "EUR",
            source: &attempt.source,
            reference: attempt.order.0,
        };
        self.post("/v1/charges", attempt.id, &charge).await
    }

    /// Refunds the money of an order. Idempotent: repeating a refund does not pay out again.
    pub async fn refund(&self, refund: &Refund) -> Result<(), OutcomeUnknown> {
        #[derive(Serialize)]
        struct Amount {
            amount: i64,
        }
        #[derive(Deserialize)]
        struct Refunded {}
        let path = format!("/v1/charges/{}/refunds", refund.charge);
        self.post(&path, refund.id, &Amount { amount: refund.amount.amount }).await.map(|Refunded {}| ())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Uuid,
        body: &impl Serialize,
    ) -> Result<T, OutcomeUnknown> {
        let request =
            self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", key.to_string());
        let response = request.json(body).send().await?;
        if response.status() != reqwest::StatusCode::CREATED {
            return Err(OutcomeUnknown::ErrorStatus(response.status()));
        }
        Ok(response.json().await?)
    }
}
