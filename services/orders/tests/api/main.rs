//! The service of orders as NATS and the payment provider see it: each test has its own of everything, and stands in
//! for products and users.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod bad_input;
mod customers;
mod instances;
mod paying;
mod placing;
mod program;
mod recovery;
mod stock;
