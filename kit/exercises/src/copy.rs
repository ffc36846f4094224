//! The files of a stage in memory: laid over, given another version, and written where they differ.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use chain::files::{tracked, version_of, with_version};
use stage::Course;

use crate::{exercise::Exercise, overlay};

/// A copy of a stage: what is in each file, by its path in the workspace.
#[derive(Debug, Clone)]
pub struct Copy(BTreeMap<String, Vec<u8>>);

const MANIFEST: &str = "Cargo.toml";
/// The files of a copy are listed in it: Cargo's own, which are beside them, are none of ours.
const LIST: &str = ".made-files";

impl Copy {
    /// The stage of a chapter, as it is.
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

    /// The stage of an exercise with the tests that the exercise brings. Its files are the solution.
    ///
    /// # Errors
    /// A file cannot be read, or is no Rust.
    pub fn solution(course: &Course, exercise: &Exercise) -> Result<Self> {
        let stage = Self::of_stage(course, exercise.number.chapter)?;
        let tests = exercise.folder.join("tests");
        if tests.is_dir() { stage.overlaid(&tests) } else { Ok(stage) }
    }

    /// With a folder laid over: items over Rust sources, whole files over others.
    ///
    /// # Errors
    /// A file cannot be read, or is no Rust.
    pub fn overlaid(mut self, folder: &Path) -> Result<Self> {
        for (path, over) in Self::of_folder(folder)?.0 {
            let is_rust = Path::new(&path).extension().is_some_and(|extension| extension == "rs");
            let content = match self.0.get(&path) {
                Some(under) if is_rust => {
                    let (under, over) = (std::str::from_utf8(under)?, std::str::from_utf8(&over)?);
                    let laid = overlay::lay_over(under, over);
                    laid.with_context(|| format!("{} cannot be laid over", folder.join(&path).display()))?
                        .into_bytes()
                }
                _ => over,
            };
            self.0.insert(path, content);
        }
        Ok(self)
    }

    /// With `-SUFFIX` behind the version: Cargo would take two workspaces of one version for each other.
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

    /// With a file in it.
    #[must_use]
    pub fn with(mut self, path: &str, content: &str) -> Self {
        self.0.insert(path.to_owned(), content.as_bytes().to_owned());
        self
    }

    /// A file, if it is there and text.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.0.get(path)?).ok()
    }

    /// Whether it has a file.
    pub fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Every file with its path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, content)| (path.as_str(), content.as_slice()))
    }

    /// Writes the files that are other than on the disk, and gives their paths: Cargo compiles what was written.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for (path, content) in &self.0 {
            let file = folder.join(path);
            if fs::read(&file).is_ok_and(|there| there == *content) {
                continue;
            }
            write(&file, content)?;
            written.push(file);
        }
        Ok(written)
    }

    /// Makes the folder as this is: files that were made here before and are not in it are taken away.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn make(&self, folder: &Path) -> Result<()> {
        let list = folder.join(LIST);
        for path in fs::read_to_string(&list).unwrap_or_default().lines() {
            if !self.has(path) {
                fs::remove_file(folder.join(path)).with_context(|| format!("cannot remove {path}"))?;
            }
        }
        self.write(folder)?;
        let paths: Vec<_> = self.files().map(|(path, _)| path).collect();
        write(&list, paths.join("\n").as_bytes())
    }
}

/// Writes a file, with the folders it is in.
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
    fn a_full_disk_is_called_one() {
        let error = super::write(std::path::Path::new("/dev/full"), b"x").unwrap_err();
        assert!(error.to_string().contains("/dev/full: the disk is full; free some space"), "{error}");
    }
}
