//! Experiments: the same load, the same faults and the same audit on every stage.
//!
//! In reading order:
//! - [`experiment`]: a file of `experiments/`, which names load, faults and expectations
//! - [`overlay`]: what an experiment changes in a stage for its purpose, if anything
//! - [`duty`]: which process of a stage does what another stage has a service for
//! - [`faults`]: does the faults while the load is on, and notes what they hit
//! - [`lab`]: starts a stage and runs an experiment on it
//! - [`machine`], [`usage`]: what it was measured on, and what the stage took of it
//! - [`report`]: all that came of one run, as JSON and for people; [`figures`]: its numbers by name
//! - [`compare`]: several stages, several times, beside the limits of the machine in [`baseline`]; medians in [`spread`]
//! - [`page`], [`chart`]: what the book shows of it
//! - [`view`]: how it gets on, in a terminal or line by line

#![expect(clippy::cast_precision_loss, reason = "figures need no more than 52 bits")]

pub mod experiment;
pub mod overlay;
pub mod duty;
pub mod faults;
pub mod lab;
pub mod machine;
pub mod usage;
pub mod report;
pub mod figures;
pub mod spread;
pub mod baseline;
pub mod compare;
pub mod chart;
pub mod page;
pub mod view;
