//! The files of a stage in memory: changed by overlays, given another version, and written where they differ.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context, Result};
use chain::files::{tracked, version_of, with_version};
use stage::Course;

use crate::{exercise::Exercise, overlay};

/// The files of a copy of a stage, by their path in the workspace.
#[derive(Debug, Clone)]
pub struct SourceTree(BTreeMap<String, Vec<u8>>);

const MANIFEST: &str = "Cargo.toml";
/// Lists the files that we wrote into a folder, because Cargo adds files of its own there.
const LIST: &str = ".made-files";

impl SourceTree {
    /// Reads the stage of a chapter.
    ///
    /// # Errors
    /// There is no such chapter, or a file cannot be read.
    pub fn of_stage(course: &Course, chapter: u32) -> Result<Self> {
        let workspace = course.chapter(chapter)?.workspace();
        Self::of_folder(&workspace)
    }

    fn of_folder(folder: &Path) -> Result<Self> {
        let read = |path: String| {
            let file = folder.join(&path);
            let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok((path, content))
        };
        Ok(Self(tracked(folder)?.into_iter().map(read).collect::<Result<_>>()?))
    }

    /// Reads the stage of an exercise, with the tests that the exercise adds and, where the stage has no such file, with
    /// its solution.
    ///
    /// # Errors
    /// A file cannot be read, or is not Rust.
    pub fn solution(course: &Course, exercise: &Exercise) -> Result<Self> {
        let mut stage = Self::of_stage(course, exercise.number.chapter)?;
        for folder in ["tests", "solution"] {
            let folder = exercise.folder.join(folder);
            if folder.is_dir() {
                stage = stage.overlaid(&folder)?;
            }
        }
        Ok(stage)
    }

    /// The same tree with a folder applied over it: single items of Rust sources, and other files as a whole.
    ///
    /// # Errors
    /// A file cannot be read, or is not Rust.
    pub fn overlaid(mut self, folder: &Path) -> Result<Self> {
        for (path, over) in Self::of_folder(folder)?.0 {
            let is_rust = Path::new(&path).extension().is_some_and(|extension| extension == "rs");
            let content = match self.0.get(&path) {
                Some(under) if is_rust => {
                    let (under, over) = (std::str::from_utf8(under)?, std::str::from_utf8(&over)?);
                    let changed = overlay::apply(under, over);
                    changed
                        .with_context(|| format!("{} cannot be applied", folder.join(&path).display()))?
                        .into_bytes()
                }
                _ => over,
            };
            self.0.insert(path, content);
        }
        Ok(self)
    }

    /// The same tree with `-SUFFIX` after its version. Cargo shares build output between workspaces of the same version, so
    /// each copy needs its own.
    #[must_use]
    pub fn versioned(mut self, suffix: &str) -> Self {
        if let Some(manifest) = self.text(MANIFEST)
            && let Some(version) = version_of(manifest)
        {
            let manifest = with_version(manifest, &format!("{version}-{suffix}"));
            self.0.insert(MANIFEST.to_owned(), manifest.into_bytes());
        }
        self
    }

    /// The same tree with one more file.
    #[must_use]
    pub fn with(mut self, path: &str, content: &str) -> Self {
        self.0.insert(path.to_owned(), content.as_bytes().to_owned());
        self
    }

    /// The content of a file, if it exists and is text.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.0.get(path)?).ok()
    }

    /// Whether there is such a file.
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Every path with its content.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// Writes the files that differ from those on the disk. Unchanged files keep their time, so Cargo does not compile them
    /// again.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (path, content) in &self.0 {
            let file = folder.join(path);
            if fs::read(&file).is_ok_and(|there| there == *content) {
                continue;
            }
            write(&file, content)?;
        }
        Ok(())
    }

    /// Writes the tree like [`SourceTree::write`], and removes files of an earlier tree that are not in this one.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn replace(&self, folder: &Path) -> Result<()> {
        let list = folder.join(LIST);
        for path in fs::read_to_string(&list).unwrap_or_default().lines() {
            let outdated = folder.join(path);
            if !self.contains(path) && outdated.exists() {
                fs::remove_file(&outdated).with_context(|| format!("cannot remove {path}"))?;
            }
        }
        self.write(folder)?;
        let paths: Vec<_> = self.files().map(|(path, _)| path).collect();
        write(&list, paths.join("\n").as_bytes())
    }
}

/// Writes a file, and creates the folders above it.
pub(crate) fn write(file: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(file))?;
        fs::write(file, content)
    };
    write().map_err(|error: io::Error| {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => crate::DISK_FULL,
            _ => "",
        };
        anyhow::Error::new(error).context(format!("cannot write {}{remedy}", file.display()))
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_reported_as_such() {
        let error = super::write(std::path::Path::new("/dev/full"), b"x").unwrap_err();
        assert!(error.to_string().contains("/dev/full: the disk is full; free some space"), "{error}");
    }
}
