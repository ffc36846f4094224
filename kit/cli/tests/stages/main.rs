//! Tests of the launcher with real processes: how a stage starts, fails and stops, as seen by a person at a terminal.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod announcing;
mod breaking;
mod ending;
mod harness;
mod nats;
mod starting;
mod touring;
