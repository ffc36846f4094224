//! The audit: whether anything was lost, doubled or oversold, seen from outside.
//!
//! It reads what staff can read and the payment provider's ledger, nothing of a service's own, so it fits every stage
//! and every implementation. What was *asked* of the shop nobody can read: the load keeps a [`journal`] of it, and an
//! invariant that needs one is reported as not checkable without, never as held.
//!
//! In reading order:
//! - [`journal`]: what was asked
//! - [`snapshot`]: what there is
//! - [`invariants`]: what has to hold of both, as pure functions
//! - [`report`]: what became of each
//! - [`audit()`]: takes the snapshot of a running stage and judges it

pub mod journal;
pub mod snapshot;
pub mod invariants;
pub mod report;
mod reading;

pub use journal::Journal;
pub use reading::{SETTLE, audit};
pub use report::{Finding, Report, Verdict};
pub use snapshot::Snapshot;
