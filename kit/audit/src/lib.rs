//! The audit: whether anything was lost, doubled or oversold, seen from outside.
//!
//! It reads what staff can read, the payment provider's ledger and the streams of NATS, so it fits every stage and every
//! implementation. What only a service's own tables tell, the stage asks them itself, by queries that it brings. What was *asked* of the shop nobody can read: the load keeps a [`journal`] of it, and an
//! invariant that needs one is reported as not checkable without, never as held.
//!
//! In reading order:
//! - [`journal`]: what was asked
//! - [`snapshot`]: what there is, with [`messages`] of the streams and [`questions`] to the databases
//! - [`invariants`]: what has to hold of both, as pure functions
//! - [`report`]: what became of each
//! - [`audit()`]: takes the snapshot of a running stage and judges it; [`waiting()`]: whether its messages have all arrived

pub mod journal;
pub mod snapshot;
pub mod messages;
pub mod questions;
pub mod invariants;
pub mod report;
mod reading;

pub use journal::Journal;
pub use reading::{SETTLE, audit, waiting};
pub use report::{Finding, Report, Verdict};
pub use snapshot::Snapshot;
