//! What else the shop does while its products are read.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::json;
use shop_client::Request;
use tokio::time::Instant;

use crate::customer::{Customer, PASSWORD, is_served};

/// A load in the background, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Background {
    /// Nothing else happens.
    Calm,
    /// Clients log in continuously (a closed loop).
    LogInStorm,
    /// Staff clients read the longest page of all orders continuously.
    ReportStorm,
}

/// The responses to a background load.
#[derive(Debug, Default, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Responses {
    pub served: u64,
    /// Responses with status 503.
    pub refused: u64,
    /// From the first request to the last response.
    pub took: Duration,
}

impl Background {
    /// All, calm first.
    pub const ALL: [Self; 3] = [Self::Calm, Self::LogInStorm, Self::ReportStorm];
    /// The number of clients of the largest one.
    pub const MAX_CLIENTS: usize = 64;

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::LogInStorm => "log-in storm",
            Self::ReportStorm => "report storm",
        }
    }

    /// Keeps the shop busy until then. A client that is refused retries at once, without a pause.
    ///
    /// # Errors
    /// The shop does not respond, or neither as the contract says nor with a valid 503.
    pub async fn run(self, customers: &mut [Customer], staff: &str, until: Instant) -> Result<Responses> {
        let started = Instant::now();
        let clients = customers.iter_mut().take(self.clients());
        let responses = try_join_all(clients.map(|client| self.run_one(client, staff, until))).await?;
        let none = Responses { took: started.elapsed(), ..Responses::default() };
        Ok(responses.into_iter().fold(none, Responses::plus))
    }

    fn clients(self) -> usize {
        match self {
            Self::Calm => 0,
            Self::LogInStorm => Self::MAX_CLIENTS,
            Self::ReportStorm => 32,
        }
    }

    async fn run_one(self, client: &mut Customer, staff: &str, until: Instant) -> Result<Responses> {
        let mut responses = Responses::default();
        while Instant::now() < until {
            let (request, expected) = match self {
                Self::Calm => break,
                Self::LogInStorm => {
                    let credentials = json!({ "email": client.email, "password": PASSWORD });
                    (Request::post("/sessions").json(&credentials), 201)
                }
                Self::ReportStorm => (Request::get("/orders?scope=all&limit=100").bearer(staff), 200),
            };
            let served = is_served(&client.shop, &request, expected).await?;
            responses.served += u64::from(served);
            responses.refused += u64::from(!served);
        }
        Ok(responses)
    }
}

impl Responses {
    /// Served requests per second.
    pub fn per_second(self) -> f64 {
        if self.served == 0 { 0.0 } else { self.served as f64 / self.took.as_secs_f64() }
    }

    /// The sum with those of another client, or of another round.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            served: self.served + other.served,
            refused: self.refused + other.refused,
            took: self.took + other.took,
        }
    }
}
