//! Mutants: stages that break one promise each, to prove that the audit sees it.
//!
//! An audit that is always green proves nothing. So each invariant has a mutant in `mutants/`, a folder named after it: what
//! is wrong, in `mutant.toml`, and the few items of the stage's sources that are other than they should be, in `files/`.
//! They are laid over a copy of the stage; it gets a short load with faults, and the audit must name that invariant.
//!
//! In reading order: [`mutant`] is what a folder says, [`hunt`] runs it and judges.

pub mod mutant;
pub mod hunt;

pub use hunt::{Caught, Hunt};
pub use mutant::Mutant;
