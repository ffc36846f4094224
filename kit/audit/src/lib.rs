//! The audit: a black-box check that a shop lost nothing, duplicated nothing and did not oversell.
//!
//! The audit reads the API as staff, the ledger of the payment provider and the streams of NATS, so it works with every
//! stage and every implementation. A stage can add queries on its own databases in `audit.toml`. Some invariants compare
//! the shop with the requests that it received. Only the load generator knows those requests and records them in a
//! [`journal`]. Without a journal such an invariant is reported as not checkable, never as held.
//!
//! In reading order:
//! - [`journal`]: the requests that a load generator sent
//! - [`snapshot`]: the state of the shop, with the [`messages`] in its streams and the results of its own [`queries`]
//! - [`invariants`]: pure functions that check a snapshot
//! - [`report`]: the verdict for each invariant
//! - [`audit()`]: takes a snapshot of a running stage and checks it; [`waiting()`]: lists messages still in transit

pub mod journal;
pub mod snapshot;
pub mod messages;
pub mod queries;
pub mod invariants;
pub mod report;
mod collect;

pub use collect::{SETTLE, audit, waiting};
pub use journal::Journal;
pub use report::{Finding, Report, Verdict};
pub use snapshot::Snapshot;
