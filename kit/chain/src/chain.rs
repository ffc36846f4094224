//! The chapters, one after the other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stage::{Course, changes::Changes};

use crate::files::Files;

/// The chapters of a course, in order.
#[derive(Debug)]
pub struct Chain {
    /// The folder that has `chapters/`.
    pub root: PathBuf,
    /// At least one.
    pub links: Vec<Link>,
}

/// A chapter and what it declares about the one before.
#[derive(Debug)]
pub struct Link {
    /// The chapter's number.
    pub number: u32,
    /// Its manifest, from the root: `chapters/02-seams/chapter.toml`.
    pub manifest: String,
    /// What the manifest declares.
    pub changes: Changes,
    /// Where the Cargo workspace is.
    pub folder: PathBuf,
    /// The same from the root: `chapters/02-seams`, or `services`.
    pub place: String,
    /// The files of the workspace.
    pub files: Files,
}

impl Chain {
    /// Reads every manifest of the course that a folder lies in, and lists every stage's files.
    ///
    /// # Errors
    /// There is no course, a manifest is no good, or its workspace is not there.
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

    /// The place of a chapter in [`Chain::links`].
    ///
    /// # Errors
    /// There is no such chapter.
    pub fn position(&self, number: u32) -> Result<usize> {
        let there = || self.links.iter().map(|link| link.number.to_string()).collect::<Vec<_>>().join(", ");
        let found = self.links.iter().position(|link| link.number == number);
        found.with_context(|| format!("there is no chapter {number}; the chapters here are {}", there()))
    }

    /// Each chapter but the first, with the one before it.
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
            format!("{manifest}: `workspace` is \"{workspace}\", and there is no such folder; correct it")
        })?;
        let files = Files::below(&folder)?;
        let place = shown(&folder);
        Ok(Self { number, manifest, changes: chapter.manifest.changes, folder, place, files })
    }

    /// A file of the workspace, from the root.
    pub fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.place)
    }
}
