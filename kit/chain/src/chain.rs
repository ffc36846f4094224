//! The chapters of the course, in order.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stage::{Course, changes::Changes};

use crate::files::Files;

/// The chapters of a course, in order.
#[derive(Debug)]
pub struct Chain {
    /// The root of the course: the folder that contains `chapters/`.
    pub root: PathBuf,
    /// The chapters, at least one.
    pub links: Vec<Link>,
}

/// One chapter of the chain, with its declared differences from the chapter before.
#[derive(Debug)]
pub struct Link {
    /// The number of the chapter.
    pub number: u32,
    /// The path of its manifest, relative to the root: `chapters/02-seams/chapter.toml`.
    pub manifest: String,
    /// The differences that the manifest declares.
    pub changes: Changes,
    /// The folder of the Cargo workspace.
    pub folder: PathBuf,
    /// The same folder, relative to the root: `chapters/02-seams`, or `services`.
    pub path: String,
    /// The files of the workspace.
    pub files: Files,
}

impl Chain {
    /// Finds the course around a folder, reads every manifest and lists the files of every stage.
    ///
    /// # Errors
    /// There is no course, a manifest is invalid, or its workspace does not exist.
    pub fn around(folder: &Path) -> Result<Self> {
        let course = Course::find(folder)?;
        let root = course.root.canonicalize()?;
        let links = course
            .chapters()?
            .iter()
            .map(|(number, _)| Link::read(&course, &root, *number))
            .collect::<Result<_>>()?;
        Ok(Self { root, links })
    }

    /// The index of a chapter in [`Chain::links`].
    ///
    /// # Errors
    /// The chapter does not exist.
    pub fn position(&self, number: u32) -> Result<usize> {
        let existing =
            || self.links.iter().map(|link| link.number.to_string()).collect::<Vec<_>>().join(", ");
        let found = self.links.iter().position(|link| link.number == number);
        found.with_context(|| {
            format!("chapter {number} does not exist; the existing chapters are {}", existing())
        })
    }

    /// Each pair of adjacent chapters.
    pub fn steps(&self) -> impl Iterator<Item = (&Link, &Link)> {
        self.links.iter().zip(self.links.iter().skip(1))
    }
}

impl Link {
    fn read(course: &Course, root: &Path, number: u32) -> Result<Self> {
        let chapter = course.chapter(number)?;
        let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let manifest = shown(&chapter.folder.canonicalize()?.join("chapter.toml"));
        let folder = chapter.workspace().canonicalize().with_context(|| {
            let workspace = &chapter.manifest.workspace;
            format!(
                "{manifest}: `workspace` is \"{workspace}\", but that folder does not exist; correct the path"
            )
        })?;
        let files = Files::below(&folder)?;
        let path = shown(&folder);
        Ok(Self { number, manifest, changes: chapter.manifest.changes, folder, path, files })
    }

    /// The path of a file of the workspace, relative to the root.
    pub fn path_of(&self, file: &str) -> String {
        format!("{}/{file}", self.path)
    }
}
