//! A folder of `mutants/`.
//!
//! ```toml
//! chapter = 2
//! what = "A cancelled order keeps what it held."
//! also = ["no-oversell"]        # what cannot but break with it
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// One mutant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The invariant that it breaks: the folder's name, up to a `+` where an invariant has several.
    #[serde(skip)]
    pub invariant: String,
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// The files that are laid over the stage: items over Rust sources, whole files over others.
    #[serde(skip)]
    pub files: PathBuf,
    /// The chapter it is a mutant of.
    pub chapter: u32,
    /// What is wrong with it, in a sentence.
    pub what: String,
    /// Invariants that cannot but break with it.
    #[serde(default)]
    pub also: Vec<String>,
}

impl Mutant {
    /// All mutants of a course, by chapter and name.
    ///
    /// # Errors
    /// A `mutant.toml` cannot be read, or the folder's name is no invariant's.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join("mutants");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                all.push(Self::read(&path)?);
            }
        }
        all.sort_by(|one, other| (one.chapter, &one.name).cmp(&(other.chapter, &other.name)));
        Ok(all)
    }

    fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("mutant.toml");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut mutant: Self = toml::from_str(&text).with_context(|| file.display().to_string())?;
        mutant.name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        mutant.invariant = mutant.name.split('+').next().unwrap_or_default().to_owned();
        mutant.files = folder.join("files");
        for invariant in mutant.also.iter().chain([&mutant.invariant]) {
            let known = audit::invariants::names().any(|name| name == invariant);
            ensure!(known, "{}: there is no invariant {invariant}", folder.display());
        }
        Ok(mutant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_of_the_course_can_be_read_and_has_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for mutant in Mutant::all(&root).unwrap() {
            assert!(mutant.files.is_dir(), "{} changes nothing", mutant.name);
        }
    }
}
