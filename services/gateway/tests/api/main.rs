//! The gateway over HTTP, with services that are made up: each test has a NATS server and a port of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;
mod services;

mod forwarding;
mod limits;
mod program;
mod time;
mod tokens;
