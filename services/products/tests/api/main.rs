//! The products service over NATS. Each test has its own server and database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod any_order;
mod bad_input;
mod catalogue;
mod commands;
mod instances;
mod program;
