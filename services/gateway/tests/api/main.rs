//! The gateway over HTTP, in front of fake services. Each test has its own NATS server and port.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;
mod services;

mod forwarding;
mod limits;
mod program;
mod raw;
mod time;
mod tokens;
