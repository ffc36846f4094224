//! Changes that an experiment makes to a stage, if it needs something that no stage contains.
//!
//! They are in `experiments/NAME/`, in a folder for each chapter with the chapter's own name: items replace items of Rust
//! sources, and other files replace whole files. See [`exercises::tree`].

use anyhow::{Result, ensure};
use exercises::tree::SourceTree;
use stage::{Chapter, Course};

use crate::experiment::Experiment;

/// The chapter that an experiment runs on: the course's own, or a changed copy.
///
/// # Errors
/// The experiment changes other chapters and not this one, or a file cannot be read or written.
pub fn chapter(course: &Course, number: u32, experiment: &Experiment) -> Result<Chapter> {
    let mut chapter = course.chapter(number)?;
    let overlays = course.root.join("experiments").join(&experiment.name);
    if !overlays.is_dir() {
        return Ok(chapter);
    }
    let overlay = overlays.join(chapter.folder.file_name().unwrap_or_default());
    ensure!(
        overlay.is_dir(),
        "{} needs a changed stage, and there is no change for chapter {number}: add {}",
        experiment.name,
        overlay.display()
    );
    // Cargo would mistake two workspaces of the same version for each other.
    let copy = SourceTree::of_stage(course, number)?.versioned(&experiment.name).overlaid(&overlay)?;
    chapter.folder =
        course.root.join("work").join("lab").join(&experiment.name).join(format!("chapter-{number}"));
    copy.replace(&chapter.folder)?;
    ".".clone_into(&mut chapter.manifest.workspace);
    Ok(chapter)
}
