//! Exercises: a part of a stage's file is taken away and asked for back. The solution is the stage's own file, so it
//! cannot rot.
//!
//! In reading order: [`exercise`] is what `exercise.toml` says, [`catalogue`] all of them. [`overlay`] lays a few items over
//! a source, [`copy`] does so with a whole stage. [`desk`] is a learner's folder; [`build`] compiles what is in it, [`run`]
//! runs one test with a limit, [`check`] judges by both, and [`report`] says it in words. [`progress`] is what a
//! participant has done, [`list`] shows it. [`proof`] holds every exercise to what it declares.

pub mod exercise;
pub mod catalogue;
pub mod overlay;
pub mod copy;
pub mod desk;
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

/// What to do when the disk is full, behind a message.
pub(crate) const DISK_FULL: &str =
    ": the disk is full; free some space, `cargo clean` frees what builds took";

/// Why something cannot be done here and now. All else is a failure.
#[derive(Debug, thiserror::Error)]
pub enum Impossible {
    /// There is no such exercise.
    #[error("there is no exercise {wanted}; those there are: {there}; `just exercises` lists them")]
    NoExercise {
        /// What was asked for.
        wanted: String,
        /// The numbers there are.
        there: String,
    },
    /// No exercise was named, and none was ever started.
    #[error("no exercise was started yet; name one: just {command} 1.1, or begin: just start 1.1")]
    NoneStarted {
        /// The command.
        command: &'static str,
    },
    /// There is no work folder.
    #[error("work/{number} is not there; make it: just start {number}")]
    NotStarted {
        /// The exercise.
        number: Number,
    },
    /// The work folder is of an exercise that has another number now.
    #[error("work/{number} is of the exercise {id}, {now}; then: just start {number}")]
    Renumbered {
        /// The exercise that was asked for.
        number: Number,
        /// The one the folder was made for.
        id: String,
        /// What became of it.
        now: String,
    },
    /// A file to edit is not in the work folder.
    #[error(
        "work/{number}/{path} is gone; take it from wherever you moved it, or begin anew: just reset {number}"
    )]
    FileGone {
        /// The exercise.
        number: Number,
        /// The file.
        path: String,
    },
    /// A question was to be asked, and there is no terminal.
    #[error("there is no terminal to ask at; say --yes")]
    NobodyToAsk,
}
