//! Keeps the chapters consistent. The stage of a chapter is a copy of the stage before with declared differences.
//!
//! In reading order: [`chain`] reads the chapters in order, and [`files`] lists the files of a stage. With these,
//! [`delta`] checks that a stage differs from the one before only where its manifest declares it, [`declare`] generates
//! that part of the manifest, [`diff`] shows the differences between two stages, and [`carry`] merges a fix into all
//! later stages with [`merge`] and [`git`].
//!
//! [`workspaces`] finds every Cargo workspace of the course. With it, [`versions`] checks that no two packages share a
//! name and a version, [`tables`] and [`locks`] check that all stages use the same dependencies, and [`update`] changes
//! the version of a dependency in all of them.
//!
//! [`rust`] parses source files for two rules: [`domain`] checks that domain code does not use a framework, and
//! [`ownership`] checks that only the crate that owns a table uses it in SQL. Every check reports a [`violation`].

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
