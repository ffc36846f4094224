//! The service of products as NATS sees it: each test has a server and a database of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod any_order;
mod bad_input;
mod catalogue;
mod commands;
mod instances;
mod program;
