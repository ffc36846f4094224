//! The payment provider: somebody else's machine, spoken to over HTTP.
//!
//! It may answer late, twice, with an error, or never. So each question has a key, which makes asking again harmless,
//! and what is not a clear answer is no answer: unknown is not failed.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{Money, domain::OrderId};

/// One question for an order's money. After a decline there may be another; until then there is this one.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Also the provider's idempotency key.
    pub id: Uuid,
    /// Whose money it is.
    pub order: OrderId,
    /// The provider's token for the customer's card.
    pub source: String,
    /// How much.
    pub amount: Money,
    /// How often the provider has been asked.
    pub attempts: u32,
}

/// The question to give an order's money back.
#[derive(Clone, Debug)]
pub struct Refund {
    /// Also the provider's idempotency key.
    pub id: Uuid,
    /// Whose money it is.
    pub order: OrderId,
    /// The provider's id of the charge to refund.
    pub charge: String,
    /// How much.
    pub amount: Money,
    /// How often the provider has been asked.
    pub attempts: u32,
}

/// What the provider said to a charge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Charged {
    /// The money is taken.
    Succeeded {
        /// The provider's id of the charge.
        id: String,
    },
    /// The money is not taken, and will not be under this key.
    Declined {
        /// The provider's id of the refused charge.
        id: String,
        /// Why, in the provider's words.
        decline_code: String,
    },
}

/// The provider gave no answer that says what happened. It may have done what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeUnknown {
    /// It could not be reached, or did not answer in time, or not in its own language.
    #[error("the payment provider gave no answer")]
    NoResponse(#[from] reqwest::Error),
    /// It answered that it could not.
    #[error("the payment provider answered {0}")]
    ErrorStatus(reqwest::StatusCode),
}

/// The way to the payment provider.
#[derive(Clone)]
pub struct Provider {
    http: reqwest::Client,
    url: String,
}

impl Provider {
    /// The provider at this address, given so much time for an answer.
    pub fn new(url: &str, timeout: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned() })
    }

    /// Asks for the money of an order. The same attempt again is the same charge.
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

    /// Asks to give the money of an order back. The same refund again is the same refund.
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
