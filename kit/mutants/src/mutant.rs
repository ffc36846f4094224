//! Reads the folders of `mutants/`.
//!
//! ```toml
//! chapter = 2
//! what = "Does not release the held stock of a cancelled order."
//! also = ["no-oversell"]        # further invariants that this defect breaks
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
    /// The invariant that the mutant breaks: the name of the folder, up to a `+` if an invariant has several mutants.
    #[serde(skip)]
    pub invariant: String,
    /// The name of the folder.
    #[serde(skip)]
    pub name: String,
    /// The folder with the changed files. In Rust sources single items are replaced, other files as a whole.
    #[serde(skip)]
    pub files: PathBuf,
    /// The number of the chapter that is changed.
    pub chapter: u32,
    /// The defect, in one sentence.
    pub what: String,
    /// Further invariants that the defect inevitably breaks.
    #[serde(default)]
    pub also: Vec<String>,
}

impl Mutant {
    /// Reads all mutants of a course, ordered by chapter and name.
    ///
    /// # Errors
    /// A `mutant.toml` cannot be read, or the name of a folder is not the name of an invariant.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join("mutants");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut all = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.join("mutant.toml").is_file() {
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
            ensure!(known, "{}: unknown invariant {invariant}", folder.display());
        }
        Ok(mutant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_of_the_course_can_be_read_and_contains_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for mutant in Mutant::all(&root).unwrap() {
            assert!(mutant.files.is_dir(), "{} contains no files", mutant.name);
        }
    }
}
