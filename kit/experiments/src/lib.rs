//! Experiments: the same load, the same faults and the same audit on every stage.
//!
//! In reading order:
//! - [`experiment`]: a file of `experiments/` with load, faults and expectations
//! - [`overlay`]: changes that an experiment makes to a stage, if any
//! - [`role`]: the process of a stage that a fault targets
//! - [`faults`]: injects the faults while the load runs, and records what they interrupted
//! - [`lab`]: starts a stage and runs an experiment on it
//! - [`machine`], [`usage`]: the machine, and the CPU time and memory that the stage used
//! - [`report`]: all results of one run, as JSON and for people; [`metrics`]: its numbers by name
//! - [`compare`]: several stages, several runs, and the limits of the machine in [`baseline`]; medians in [`spread`]
//! - [`page`], [`chart`]: the comparison as a page of the book
//! - [`view`]: the progress, in a terminal or line by line

#![expect(clippy::cast_precision_loss, reason = "metrics need no more than 52 bits")]

pub mod experiment;
pub mod overlay;
pub mod role;
pub mod faults;
pub mod lab;
pub mod machine;
pub mod usage;
pub mod report;
pub mod metrics;
pub mod spread;
pub mod baseline;
pub mod compare;
pub mod chart;
pub mod page;
pub mod view;
