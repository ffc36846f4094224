//! The saga of an order across orders, products and the payment provider, one step at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod provider;
mod harness;
mod audit;

mod crashing;
mod interleaving;
