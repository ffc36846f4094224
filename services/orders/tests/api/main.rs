//! The orders service over NATS, with a fake payment provider. Each test has its own server, database and provider, and
//! plays the roles of products and users.

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
