//! Tests of the shop through its HTTP API. Each test has its own database, port and payment provider.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;
mod program;

mod accounts;
mod bad_input;
mod catalogue;
mod connections;
mod ordering;
mod paying;
mod recovery;
mod stopping;
