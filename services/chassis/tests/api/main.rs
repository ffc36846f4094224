//! The chassis with a real NATS server and a real database. Each test has its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod outbox;
mod inbox;
mod consuming;
mod streams;
mod requests;
