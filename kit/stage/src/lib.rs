//! A stage of the course as running processes. Nothing here knows what a shop is.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let course = stage::Course::around(&std::env::current_dir()?)?;
//! let run_dir = std::env::temp_dir().join("my-stage"); // one stage runs in a run folder at a time
//! let stage = stage::Stage::launch(&course, 1, &run_dir, stage::Options::default()).await?;
//! let shop = stage.status().base_url("/products").map(str::to_owned);
//! stage.apply(stage::Fault::Kill, "shop").await?; // kill -9: stays dead …
//! stage.apply(stage::Fault::Heal, "shop").await?; // … until healed, on the same port and data
//! stage.stop().await; // a stage that is only dropped, in a panic say, is ended too
//! # Ok(()) }
//! ```
//!
//! In reading order: [`course`], [`manifest`] and [`changes`] say what a stage is, [`compile`] builds its programs, [`nats`] finds its
//! server, [`run`]
//! and [`guard`] make sure that one stage runs in a folder and that nothing of it ever outlives its launcher,
//! [`launcher`] starts and stops it, [`status`] is what everybody else reads, [`faults`] breaks it, and [`control`]
//! carries faults from another terminal.

pub mod changes;
pub mod compile;
pub mod control;
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
pub use run::{Holder, RunError, RunFolder};
pub use status::Status;

/// What to do about an input/output error, where there is more to say than the error itself says.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            " (the disk is full; free some space, `cargo clean` frees what builds took)"
        }
        _ => "",
    }
}
