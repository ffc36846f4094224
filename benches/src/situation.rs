//! What else the shop does while somebody browses.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::json;
use shop_client::Request;
use tokio::time::Instant;

use crate::slot::{PASSWORD, Slot, ask_busy};

/// Something that keeps a shop busy, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Situation {
    /// Only who browses is there.
    Calm,
    /// Customers log in, and again as soon as they are answered.
    LogInStorm,
    /// Staff read the longest page of everybody's orders, and again as soon as they are answered.
    ReportStorm,
}

/// What a storm got out of the shop.
#[derive(Debug, Default, Clone, Copy)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct Answers {
    pub served: u64,
    /// Those that were answered 503.
    pub refused: u64,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Situation {
    /// All, calm first.
    pub const ALL: [Self; 3] = [Self::Calm, Self::LogInStorm, Self::ReportStorm];
    /// The clients of the largest one.
    pub const MOST_CLIENTS: usize = 64;

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::LogInStorm => "log-in storm",
            Self::ReportStorm => "report storm",
        }
    }

    /// Keeps the shop busy until then. Who is refused asks again at once: a storm does not listen.
    ///
    /// # Errors
    /// The shop does not answer, or neither as the contract says nor with a proper 503.
    pub async fn keep_busy(self, slots: &mut [Slot], staff: &str, until: Instant) -> Result<Answers> {
        let started = Instant::now();
        let clients = slots.iter_mut().take(self.clients());
        let answers = try_join_all(clients.map(|slot| self.insist(slot, staff, until))).await?;
        let none = Answers { took: started.elapsed(), ..Answers::default() };
        Ok(answers.into_iter().fold(none, Answers::and))
    }

    fn clients(self) -> usize {
        match self {
            Self::Calm => 0,
            Self::LogInStorm => Self::MOST_CLIENTS,
            Self::ReportStorm => 32,
        }
    }

    async fn insist(self, slot: &mut Slot, staff: &str, until: Instant) -> Result<Answers> {
        let mut answers = Answers::default();
        while Instant::now() < until {
            let (request, expected) = match self {
                Self::Calm => break,
                Self::LogInStorm => {
                    let credentials = json!({ "email": slot.email, "password": PASSWORD });
                    (Request::post("/sessions").json(&credentials), 201)
                }
                Self::ReportStorm => (Request::get("/orders?scope=all&limit=100").bearer(staff), 200),
            };
            let served = ask_busy(&mut slot.shop, request, expected).await?;
            answers.served += u64::from(served);
            answers.refused += u64::from(!served);
        }
        Ok(answers)
    }
}

impl Answers {
    /// Those that were served, by the time it took.
    pub fn per_second(self) -> f64 {
        if self.served == 0 { 0.0 } else { self.served as f64 / self.took.as_secs_f64() }
    }

    /// These and those of another client, or of another round.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            served: self.served + other.served,
            refused: self.refused + other.refused,
            took: self.took + other.took,
        }
    }
}
