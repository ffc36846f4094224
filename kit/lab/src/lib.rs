//! What a stage keeps when its processes die under it.
//!
//! Customers buy for as long as they are let, and everything they ask is written down; meanwhile processes are killed in
//! the middle of requests. In the end the audit judges the shop against the journal. What is asked follows from a seed;
//! how far each customer comes depends on the machine.
//!
//! In reading order: `journalist` asks and writes down, `customer` decides what, [`load`] lets many of them loose, and
//! [`kill`] kills everything under their hands.

mod journalist;
mod customer;
pub mod load;
pub mod kill;

pub use journalist::Traffic;
pub use kill::{KillReport, KillTest};
pub use load::Load;
