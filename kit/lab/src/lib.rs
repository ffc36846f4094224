//! What a stage keeps when its processes die under it.
//!
//! Customers buy for as long as they are let, and everything they ask is written down; meanwhile processes are killed in
//! the middle of requests. In the end the audit judges the shop against the journal. What is asked follows from a seed;
//! how far each customer comes depends on the machine.
//!
//! Read in this order:

pub mod journalist;

pub mod customer;

pub mod load;

pub mod kill;

pub use kill::{KillReport, KillTest};
pub use load::Load;
