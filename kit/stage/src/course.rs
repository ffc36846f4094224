//! The course on disk: its root folder and its chapters.

use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, ManifestError};

/// A checkout of the course.
#[derive(Debug, Clone)]
pub struct Course {
    /// The folder that contains `chapters/`, absolute.
    pub root: PathBuf,
}

/// One chapter of the course.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// The folder that contains `chapter.toml`, absolute.
    pub folder: PathBuf,
    /// The content of `chapter.toml`.
    pub manifest: Manifest,
}

/// The number of chapters that the course will have. Some are not written yet.
const PLANNED_CHAPTERS: u32 = 12;

/// Why a chapter was not found.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// No parent folder contains `chapters/`.
    #[error("{0} is not inside the course: no folder above it contains `chapters/`; change into your clone")]
    NoCourse(PathBuf),
    /// The course will have such a chapter, but it is not written yet.
    #[error("chapter {number} is planned, but not written yet; the chapters so far are {existing}")]
    Planned {
        /// The requested chapter.
        number: u32,
        /// The numbers of the chapters that exist, separated by commas.
        existing: String,
    },
    /// The course has no such chapter and will have none.
    #[error("there is no chapter {number}; the chapters so far are {existing}")]
    NoChapter {
        /// The requested chapter.
        number: u32,
        /// The numbers of the chapters that exist, separated by commas.
        existing: String,
    },
    /// The folder cannot be listed.
    #[error("cannot read {0}")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The chapter exists, but its manifest is invalid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Course {
    /// Finds the course that contains a folder.
    ///
    /// # Errors
    /// [`CourseError::NoCourse`].
    pub fn find(folder: &Path) -> Result<Self, CourseError> {
        match folder.ancestors().find(|above| above.join("chapters").is_dir()) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => Err(CourseError::NoCourse(folder.to_owned())),
        }
    }

    /// The run folder of this course, with status, logs and data of its running stage. `STEPWISE_RUN_DIR` overrides it.
    pub fn run_dir(&self) -> PathBuf {
        let run_dir =
            std::env::var_os("STEPWISE_RUN_DIR").map_or_else(|| PathBuf::from(".run"), PathBuf::from);
        self.root.join(run_dir)
    }

    /// Numbers and folders of all chapters, in order. A chapter's folder is named `NN-title`.
    ///
    /// # Errors
    /// [`CourseError::Unreadable`].
    pub fn chapters(&self) -> Result<Vec<(u32, PathBuf)>, CourseError> {
        let folder = self.root.join("chapters");
        let entries = std::fs::read_dir(&folder).map_err(|error| CourseError::Unreadable(folder, error))?;
        let mut chapters: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let number = entry.file_name().to_str()?.split_once('-')?.0.parse().ok()?;
                entry.path().is_dir().then(|| (number, entry.path()))
            })
            .collect();
        chapters.sort();
        Ok(chapters)
    }

    /// Reads and checks the manifest of a chapter.
    ///
    /// # Errors
    /// See [`CourseError`].
    pub fn chapter(&self, number: u32) -> Result<Chapter, CourseError> {
        let chapters = self.chapters()?;
        let Some((_, folder)) = chapters.iter().find(|(existing, _)| *existing == number) else {
            let existing =
                chapters.iter().map(|(number, _)| number.to_string()).collect::<Vec<_>>().join(", ");
            return Err(match number {
                1..=PLANNED_CHAPTERS => CourseError::Planned { number, existing },
                _ => CourseError::NoChapter { number, existing },
            });
        };
        let file = folder.join("chapter.toml");
        let manifest = Manifest::read(&file)?;
        if manifest.number != number {
            let reason = format!(
                "is {}, but the folder's name starts with {number}; make them equal",
                manifest.number
            );
            return Err(
                ManifestError::Invalid { file: file.display().to_string(), key: "number", reason }.into()
            );
        }
        Ok(Chapter { folder: folder.clone(), manifest })
    }
}

impl Chapter {
    /// The Cargo workspace of its processes.
    pub fn workspace(&self) -> PathBuf {
        let workspace = self.folder.join(&self.manifest.workspace);
        workspace.canonicalize().unwrap_or(workspace) // a missing folder is reported by the build
    }
}
