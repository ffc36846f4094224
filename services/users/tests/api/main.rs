//! The users service over NATS. Each test has its own server and database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod accounts;
mod bad_input;
mod events;
mod keys;
mod program;
