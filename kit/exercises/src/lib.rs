//! Exercises: part of a stage's source is removed and the learner writes it again. The solution is the stage's own file, so
//! it cannot become outdated.
//!
//! In reading order: [`exercise`] describes `exercise.toml`, [`catalogue`] finds all of them. [`overlay`] replaces single
//! items of a source file, [`tree`] does so for a whole stage. [`workspace`] is a learner's folder. [`build`] compiles the
//! test programs, [`run`] runs one test with a time limit, [`check`] combines both into a result, and [`report`] explains
//! the result. [`progress`] stores what a participant has done, [`list`] shows it. [`proof`] verifies that every exercise
//! behaves as its `exercise.toml` declares.

pub mod exercise;
pub mod catalogue;
pub mod overlay;
pub mod tree;
pub mod workspace;
pub mod build;
pub mod run;
pub mod check;
pub mod report;
pub mod progress;
pub mod list;
pub mod proof;
pub mod prepare;

pub use catalogue::Catalogue;
pub use exercise::{Exercise, Number};

/// Appended to a message when the disk is full.
pub(crate) const DISK_FULL: &str = ": the disk is full; free some space (`cargo clean` removes build output)";

/// Why a command cannot be carried out as given. Every other error means that something failed.
#[derive(Debug, thiserror::Error)]
pub enum NotPossible {
    /// No exercise has this number or id.
    #[error("there is no exercise {wanted}; the exercises are: {available} (`just exercises` lists them)")]
    NoSuchExercise {
        /// The number or id that was given.
        wanted: String,
        /// The numbers of all exercises.
        available: String,
    },
    /// No exercise was named, and none was started before.
    #[error("no exercise was started yet; name one: just {command} 1.1, or begin: just start 1.1")]
    NoneStarted {
        /// The command.
        command: &'static str,
    },
    /// The work folder does not exist.
    #[error("work/{number} does not exist; create it: just start {number}")]
    NotStarted {
        /// The exercise.
        number: Number,
    },
    /// The work folder belongs to an exercise that has another number now.
    #[error("work/{number} belongs to the exercise {id}, {now}; then: just start {number}")]
    Renumbered {
        /// The exercise that was named.
        number: Number,
        /// The exercise that the folder was created for.
        id: String,
        /// Where that exercise is now.
        now: String,
    },
    /// A file that the learner edits is missing from the work folder.
    #[error(
        "work/{number}/{path} is missing; move it back from wherever you put it, or begin again: just reset {number}"
    )]
    FileMissing {
        /// The exercise.
        number: Number,
        /// The file.
        path: String,
    },
    /// The command needs to ask the user, and standard input is not a terminal.
    #[error("there is no terminal to ask for confirmation; pass --yes")]
    NoTerminal,
}
