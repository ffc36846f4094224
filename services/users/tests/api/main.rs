//! The service of users over NATS: each test has a NATS server and a database of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod accounts;
mod bad_input;
mod events;
mod keys;
mod program;
