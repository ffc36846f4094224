#![doc = include_str!("../README.md")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test that cannot go on ends there")]

mod nats;
mod client;
mod program;

pub use client::{Client, Response};
pub use nats::Nats;
pub use program::Program;

use std::time::{Duration, Instant};

/// How long a test waits for a condition before it fails.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Polls until `poll` returns a value, and returns it. After [`TIMEOUT`] the test fails with `what` in the message:
/// `wait_for("the outbox to be empty", …)`.
pub async fn wait_for<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        assert!(Instant::now() < deadline, "timed out after {TIMEOUT:?} waiting for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
