//! The settings with which the lab makes the whole provider slow, unreliable or unavailable.
//!
//! They apply to the operations that a shop uses. The ledger and the control itself always respond, because the audit
//! and the lab use them. The settings are kept in memory, so a restart resets them.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The current settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Settings {
    /// The delay of every request, in milliseconds.
    pub latency_ms: u64,
    /// The share of requests that fail with 503 and have no effect, from 0 to 1.
    pub error_rate: f64,
    /// Whether every request fails with 503 and has no effect.
    pub down: bool,
}

/// A change of some settings. A missing field keeps its value.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// See [`Settings::latency_ms`]. At most ten minutes.
    pub latency_ms: Option<u64>,
    /// See [`Settings::error_rate`].
    pub error_rate: Option<f64>,
    /// See [`Settings::down`].
    pub down: Option<bool>,
}

/// The settings of one provider. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Control {
    settings: Arc<watch::Sender<Settings>>,
}

impl Control {
    /// Returns the current settings.
    pub fn settings(&self) -> Settings {
        *self.settings.borrow()
    }

    /// Applies a change and returns the new settings.
    ///
    /// # Errors
    /// A value is out of range; the error names it.
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

    /// Delays a request as configured, and returns whether it may be processed.
    pub async fn admit(&self) -> bool {
        let Settings { latency_ms, error_rate, down } = self.settings();
        tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        !down && fastrand::f64() >= error_rate
    }
}
