//! Runs a stage of the course as a set of processes. This crate knows nothing about shops.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let course = stage::Course::find(&std::env::current_dir()?)?;
//! let run_dir = std::env::temp_dir().join("my-stage"); // a run folder is used by one stage at a time
//! let stage = stage::Stage::launch(&course, 1, &run_dir, stage::Options::default()).await?;
//! let shop = stage.status().base_url("/products").map(str::to_owned);
//! stage.apply(stage::Fault::Kill, "shop").await?; // SIGKILL; the process stays dead …
//! stage.apply(stage::Fault::Heal, "shop").await?; // … until it is healed, with the same port and data
//! stage.stop().await; // dropping the stage, for example in a panic, ends it too
//! # Ok(()) }
//! ```
//!
//! In reading order:
//!
//! - [`course`], [`manifest`] and [`changes`] describe a stage.
//! - [`compile`] builds its programs, [`nats`] finds or fetches the NATS server, and [`environment`] decides which variables
//!   of the user's environment builds and processes inherit. [`cargo_config`] finds what the user's Cargo configuration changes.
//! - [`run`] makes sure that a run folder is used by one stage at a time. [`guard`] makes sure that no process outlives the launcher.
//! - [`launcher`] starts and stops the stage, on certain [`cores`] if a measurement needs that. [`status`] is the file that all other tools read.
//! - [`faults`] injects faults, and [`control`] accepts them from another terminal.

pub mod cargo_config;
pub mod changes;
pub mod compile;
pub mod control;
pub mod cores;
pub mod course;
pub mod environment;
pub mod faults;
pub mod guard;
pub mod launcher;
mod links;
mod log;
pub mod manifest;
pub mod nats;
mod plan;
mod ports;
mod process;
pub mod run;
mod slot;
pub mod status;

pub use compile::{BuildError, Profile, Programs};
pub use course::{Chapter, Course, CourseError};
pub use faults::{Fault, FaultError};
pub use guard::Guard;
pub use launcher::{LaunchError, Options, Stage, StartError};
pub use log::{LAUNCHER, Line};
pub use manifest::{Manifest, ManifestError};
pub use run::{Holder, Phase, RunError, RunFolder};
pub use status::Status;

/// Advice for an I/O error, if there is any.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            " (the disk is full; free some space, for example with `cargo clean`)"
        }
        _ => "",
    }
}
