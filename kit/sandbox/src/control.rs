//! What the lab does to the whole provider: slow, unreliable, away.
//!
//! It applies to what a shop uses. The ledger and the control itself always answer: they are the audit's and the lab's.
//! Kept in memory only: a restarted provider is a healthy one.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The present settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Settings {
    /// Every request waits this long first; milliseconds.
    pub latency_ms: u64,
    /// The share of requests answered 503 with nothing done; 0 to 1.
    pub error_rate: f64,
    /// Every request is answered 503 with nothing done.
    pub down: bool,
}

/// A change of some of them; what is absent stays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// See [`Settings::latency_ms`]; ten minutes at most.
    pub latency_ms: Option<u64>,
    /// See [`Settings::error_rate`].
    pub error_rate: Option<f64>,
    /// See [`Settings::down`].
    pub down: Option<bool>,
}

/// The settings of one provider; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Control {
    settings: Arc<watch::Sender<Settings>>,
}

impl Control {
    /// The settings as they are now.
    pub fn settings(&self) -> Settings {
        *self.settings.borrow()
    }

    /// Applies a change and answers the settings after it, or says what is wrong with it.
    pub fn change(&self, change: Change) -> Result<Settings, String> {
        if let Some(rate) = change.error_rate
            && !(0.0..=1.0).contains(&rate)
        {
            return Err(format!("error_rate {rate} is not between 0 and 1"));
        }
        if let Some(latency) = change.latency_ms
            && latency > 600_000
        {
            return Err(format!("latency_ms {latency} is more than ten minutes (600000)"));
        }
        self.settings.send_modify(|settings| {
            settings.latency_ms = change.latency_ms.unwrap_or(settings.latency_ms);
            settings.error_rate = change.error_rate.unwrap_or(settings.error_rate);
            settings.down = change.down.unwrap_or(settings.down);
        });
        Ok(self.settings())
    }

    /// Waits as long as one request has to and says whether it may go on.
    pub async fn admit(&self) -> bool {
        let Settings { latency_ms, error_rate, down } = self.settings();
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        !down && fastrand::f64() >= error_rate
    }
}
