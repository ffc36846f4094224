//! Mutants: stages with one deliberate defect each, which prove that the audit can detect it.
//!
//! An audit that never fails proves nothing. So every invariant has a mutant: a folder in `mutants/` with the name of the
//! invariant. Its `mutant.toml` describes the defect, and `files/` contains the changed items of the stage's sources. The
//! runner applies them to a copy of the stage and runs a short load with faults. The audit must then report that
//! invariant as broken.
//!
//! In reading order: [`mutant`] reads the folders, and [`runner`] runs the mutants and evaluates the audit.

pub mod mutant;
pub mod runner;

pub use mutant::Mutant;
pub use runner::{MutantResult, Runner};
