//! The shop over HTTP: each test has a database, a port and a payment provider of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod harness;

mod accounts;
mod bad_input;
mod catalogue;
mod ordering;
mod paying;
mod recovery;
mod stopping;
