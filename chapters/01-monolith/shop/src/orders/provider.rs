//! The client of the payment provider, an external service with an HTTP API.
//!
//! The provider may respond late, with an error, or never. So each request has an idempotency key, which makes a retry
//! safe. Every response other than a clear success, decline or refusal means that the outcome is unknown, not that it
//! failed.

use std::{sync::Arc, time::Duration};

use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::domain::OrderId;
use crate::money::Money;

/// An attempt to charge the total of an order. A new attempt is possible only after this one was declined.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The id of the row, and the idempotency key of the request to the provider.
    pub id: Uuid,
    /// The order to charge.
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
    /// The order to refund.
    pub order: OrderId,
    /// The provider's id of the charge to refund.
    pub charge: String,
    /// The amount.
    pub amount: Money,
    /// How many requests were sent to the provider, the current one included.
    pub attempts: u32,
}

/// How many retries may be in flight at once. A retry that fails writes to the database, so after a long outage of the
/// provider an unlimited number of them would leave no time for other writes.
const MAX_RETRIES_IN_FLIGHT: usize = 32;

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
    ErrorStatus(StatusCode),
}

/// The client of the payment provider.
#[derive(Clone)]
pub struct Provider {
    http: reqwest::Client,
    url: String,
    retries: Arc<Semaphore>,
}

impl Provider {
    /// Creates a client for the base URL. `timeout` is the limit for one request.
    pub fn new(url: &str, timeout: Duration) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(timeout).no_proxy().build()?;
        let retries = Arc::new(Semaphore::new(MAX_RETRIES_IN_FLIGHT));
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), retries })
    }

    /// Reserves all retries that may start now. Split the permit, and keep one part for as long as each retry takes.
    pub fn reserve_retries(&self) -> Option<OwnedSemaphorePermit> {
        let free = u32::try_from(self.retries.available_permits()).ok().filter(|free| *free > 0)?;
        Arc::clone(&self.retries).try_acquire_many_owned(free).ok()
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
        let response = self.post("/v1/charges", attempt.id, &charge).await?;
        match response.status() {
            StatusCode::CREATED => Ok(response.json().await?),
            status => match refusal_code(response).await {
                Some(decline_code) => Ok(Charged::Declined { decline_code }),
                None => Err(OutcomeUnknown::ErrorStatus(status)),
            },
        }
    }

    /// Refunds the money of an order. Idempotent: repeating a refund does not pay out again.
    pub async fn refund(&self, refund: &Refund) -> Result<(), OutcomeUnknown> {
        #[derive(Serialize)]
        struct Amount {
            amount: i64,
        }
        let path = format!("/v1/charges/{}/refunds", refund.charge);
        let response = self.post(&path, refund.id, &Amount { amount: refund.amount.amount }).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            status => Err(OutcomeUnknown::ErrorStatus(status)),
        }
    }

    async fn post(&self, path: &str, key: Uuid, body: &impl Serialize) -> reqwest::Result<Response> {
        let request =
            self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", key.to_string());
        request.json(body).send().await
    }
}

/// The provider's code for the reason why it will never carry out a request. None where the response says no such thing: the
/// outcome is unknown after a server error, a client error that depends on the moment, or a response that is not the provider's.
async fn refusal_code(response: Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: String,
    }
    let depends_on_the_moment = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::CONFLICT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    let status = response.status();
    if !status.is_client_error() || depends_on_the_moment.contains(&status) {
        return None;
    }
    response.json().await.ok().map(|Refusal { error }| error.code)
}
