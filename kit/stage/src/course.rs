//! The course on disk: its root, and the chapters in it.

use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, ManifestError};

/// A checkout of the course.
#[derive(Debug, Clone)]
pub struct Course {
    /// The folder that has `chapters/`, absolute.
    pub root: PathBuf,
}

/// One chapter of the course.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// The folder that has `chapter.toml`, absolute.
    pub folder: PathBuf,
    /// What `chapter.toml` says.
    pub manifest: Manifest,
}

/// Why a chapter cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CourseError {
    /// No `chapters` folder up the tree.
    #[error("{0} is not inside the course: no folder above it has `chapters/`; change into your clone")]
    NoCourse(PathBuf),
    /// The number is none of the chapters'.
    #[error("there is no chapter {wanted}; the chapters here are {there}")]
    NoChapter {
        /// What was asked for.
        wanted: u32,
        /// The numbers there are, separated by commas.
        there: String,
    },
    /// A folder that cannot be listed.
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The chapter is there, its manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Course {
    /// The course that a folder lies in.
    ///
    /// # Errors
    /// [`CourseError::NoCourse`].
    pub fn around(folder: &Path) -> Result<Self, CourseError> {
        match folder.ancestors().find(|above| above.join("chapters").is_dir()) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => Err(CourseError::NoCourse(folder.to_owned())),
        }
    }

    /// The run folder of this course: status, logs and data of its running stage. `STEPWISE_RUN_DIR` moves it.
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

    /// One chapter, its manifest checked.
    ///
    /// # Errors
    /// See [`CourseError`].
    pub fn chapter(&self, number: u32) -> Result<Chapter, CourseError> {
        let chapters = self.chapters()?;
        let Some((_, folder)) = chapters.iter().find(|(there, _)| *there == number) else {
            let there: Vec<_> = chapters.iter().map(|(number, _)| number.to_string()).collect();
            return Err(CourseError::NoChapter { wanted: number, there: there.join(", ") });
        };
        let file = folder.join("chapter.toml");
        let manifest = Manifest::read(&file)?;
        if manifest.number != number {
            let reason =
                format!("is {}, and its folder begins with {number}; make them agree", manifest.number);
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
        workspace.canonicalize().unwrap_or(workspace) // where there is none, what needs it says so
    }
}
