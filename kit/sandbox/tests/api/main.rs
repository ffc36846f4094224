//! Tests the provider as a separate process, over HTTP.

#![expect(clippy::unwrap_used, reason = "clippy allows it in tests, not in their harness")]

mod charges;
mod control;
mod harness;
mod refunds;
