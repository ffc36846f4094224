//! The launcher with real processes: how a stage starts, breaks and ends, as a person at a terminal sees it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod breaking;
mod ending;
mod harness;
mod nats;
mod starting;
