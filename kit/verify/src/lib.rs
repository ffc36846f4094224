//! Verifies the repository: the steps of `just test`.
//!
//! In reading order: [`step`] lists the steps, each with the [`inputs`] that it depends on, [`crates`] finds the crates of a stage that
//! were not tested in an earlier one, [`work`] does what a step consists of, with [`readme`] for the commands of the README, and
//! [`run`] runs the steps that have to run, in two lanes.

pub mod step;
pub mod inputs;
pub mod crates;
pub mod work;
pub mod readme;
pub mod run;
