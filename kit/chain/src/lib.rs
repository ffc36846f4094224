//! What holds the chapters together: each is a copy of the one before and a declared difference, and stays one.
//!
//! In reading order: [`chain`] is the chapters one after the other, [`files`] what belongs to a stage. On these,
//! [`delta`] proves that a stage differs from the one before where its manifest says so and nowhere else, [`declare`]
//! writes that part of the manifest, [`diff`] shows two stages to people, and [`carry`] takes a fix forward with
//! [`merge`] and [`git`].
//!
//! [`workspaces`] is every Cargo workspace of the course. On it, [`versions`] proves that no two packages can be taken
//! for each other, [`tables`] and [`locks`] that all stages use the same dependencies, and [`update`] changes one of them
//! everywhere.
//!
//! [`rust`] reads source text for the two import rules: [`domain`], that rules of the shop know no framework, and
//! [`ownership`], that a table is named by the crate that owns it and no other. [`violation`] is what each check reports.

pub mod chain;
pub mod files;
pub mod delta;
pub mod declare;
pub mod diff;
pub mod carry;
pub mod merge;
pub mod git;
pub mod workspaces;
pub mod versions;
pub mod tables;
pub mod locks;
pub mod update;
pub mod rust;
pub mod domain;
pub mod ownership;
pub mod violation;

pub use chain::{Chain, Link};
pub use violation::Violation;
