//! The chassis against a real NATS server and a real file: each test has one of each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod outbox;
mod inbox;
mod consuming;
mod requests;
