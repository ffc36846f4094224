//! The files of a stage: those that git would track, except the files that are specific to each stage.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ignore::WalkBuilder;

/// The files in the folder of the workspace that are specific to each stage. They are neither compared nor carried.
const OWN: [&str; 3] = ["Cargo.lock", "README.md", "chapter.toml"];

/// The manifest of the workspace. Its `version` is specific to each stage.
const MANIFEST: &str = "Cargo.toml";

/// The files of a workspace.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Paths relative to the workspace, with `/` as separator.
    pub paths: BTreeSet<String>,
}

impl Files {
    /// Lists the files of a workspace.
    ///
    /// # Errors
    /// A folder cannot be read, or a name is not UTF-8.
    pub fn below(folder: &Path) -> Result<Self> {
        let paths = tracked(folder)?.into_iter().filter(|path| !is_own(path)).collect();
        Ok(Self { folder: folder.to_owned(), paths })
    }

    /// Reads a file. In the manifest of the workspace the version is replaced by `0.0.0`, so that it is no difference.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let file = self.folder.join(path);
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(match std::str::from_utf8(&content) {
            Ok(text) if path == MANIFEST => with_version(text, "0.0.0").into_bytes(),
            _ => content,
        })
    }
}

/// Whether a file, relative to its workspace, is specific to each stage.
pub fn is_own(path: &str) -> bool {
    OWN.contains(&path)
}

/// Lists the files below a folder that git would track, sorted. The folder need not be a git repository.
///
/// # Errors
/// A folder cannot be read, or a name is not UTF-8.
pub fn tracked(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .ignore(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        if entry.file_type().is_some_and(|kind| !kind.is_dir()) {
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let path =
                path.to_str().with_context(|| format!("{} is not UTF-8: rename it", path.display()))?;
            files.push(path.to_owned());
        }
    }
    Ok(files)
}

/// Replaces the version in the manifest of a workspace. The rest of the line, such as a comment, is kept.
pub fn with_version(manifest: &str, version: &str) -> String {
    let Some((before, old)) = version_line(manifest) else { return manifest.to_owned() };
    let after = &manifest[before.len() + old.len()..];
    format!("{before}{version}{after}")
}

/// The version in the manifest of a workspace.
pub fn version_of(manifest: &str) -> Option<&str> {
    version_line(manifest).map(|(_, version)| version)
}

/// The text before the first version, and the version.
fn version_line(manifest: &str) -> Option<(&str, &str)> {
    const KEY: &str = "version = \"";
    let start =
        if manifest.starts_with(KEY) { KEY.len() } else { manifest.find("\nversion = \"")? + 1 + KEY.len() };
    let length = manifest[start..].find('"')?;
    Some((&manifest[..start], &manifest[start..start + length]))
}

/// Reads a file, or returns `None` if it does not exist.
///
/// # Errors
/// The file exists, but cannot be read.
pub fn read_if_there(file: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_is_replaced_and_the_rest_of_its_line_is_kept() {
        let manifest =
            "[workspace.package]\nrust-version = \"1.95\"\nversion = \"0.1.0\" # why\nversion = \"x\"\n";
        assert_eq!(version_of(manifest), Some("0.1.0"));
        assert_eq!(with_version(manifest, "0.2.0"), manifest.replace("0.1.0", "0.2.0"));
        assert_eq!(with_version("[workspace]\n", "0.2.0"), "[workspace]\n");
    }

    #[test]
    fn ignored_files_and_files_specific_to_a_stage_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        for path in [".gitignore", ".git/config", "stage/README.md", "stage/Cargo.lock", "stage/chapter.toml"]
        {
            write(path, "target/\n*.db\n");
        }
        for path in ["target/x", "a/target/x", "shop.db", "a/.hidden", "a/README.md", "Cargo.toml"] {
            write(&format!("stage/{path}"), "");
        }
        let files = Files::below(&folder.path().join("stage")).unwrap();
        assert_eq!(files.paths.iter().collect::<Vec<_>>(), ["Cargo.toml", "a/.hidden", "a/README.md"]);
    }
}
