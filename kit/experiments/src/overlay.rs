//! What an experiment lays over a stage: what the stage has not, and the experiment cannot do without.
//!
//! It lies in `experiments/NAME/`, in a folder for each chapter that is called as the chapter's own: items over Rust
//! sources, whole files over others. See [`exercises::copy`].

use anyhow::{Result, ensure};
use exercises::copy::Copy;
use stage::{Chapter, Course};

use crate::experiment::Experiment;

/// The chapter that an experiment runs on: the course's own, or where the experiment lays something over it, a copy.
///
/// # Errors
/// The experiment lays something over other chapters and not over this one, or a file cannot be read or written.
pub fn chapter(course: &Course, number: u32, experiment: &Experiment) -> Result<Chapter> {
    let mut chapter = course.chapter(number)?;
    let overlays = course.root.join("experiments").join(&experiment.name);
    if !overlays.is_dir() {
        return Ok(chapter);
    }
    let overlay = overlays.join(chapter.folder.file_name().unwrap_or_default());
    ensure!(
        overlay.is_dir(),
        "{} changes the stages that it runs on, and says not how it changes chapter {number}: there is no {}",
        experiment.name,
        overlay.display()
    );
    // Cargo would take two workspaces of one version for each other.
    let copy = Copy::of_stage(course, number)?.versioned(&experiment.name).overlaid(&overlay)?;
    chapter.folder =
        course.root.join("work").join("lab").join(&experiment.name).join(format!("chapter-{number}"));
    copy.make(&chapter.folder)?;
    ".".clone_into(&mut chapter.manifest.workspace);
    Ok(chapter)
}
