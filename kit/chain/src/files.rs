//! The files of a stage: those that git would track, except the files that are specific to each stage.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use ignore::gitignore::Gitignore;
use stage::Course;

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

/// Lists the files below a folder that the repository's own `.gitignore` files do not exclude, sorted. The folder need not be in a
/// git repository, but if it is in a course, the `.gitignore` files between the course's root and the folder count too.
///
/// What the machine ignores does not matter: neither the user's global git ignore file, nor `.git/info/exclude`, nor a `.gitignore`
/// above the course. Otherwise a stage would be copied without the files that its user never wants to commit elsewhere.
///
/// # Errors
/// A folder or `.gitignore` cannot be read, or a name is not UTF-8.
pub fn tracked(folder: &Path) -> Result<Vec<String>> {
    let root = Course::find(folder).map_or_else(|_| folder.to_owned(), |course| course.root);
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&root));
    let mut rules = above.map(rules_in).collect::<Result<Vec<_>>>()?;
    rules.reverse();
    let mut files = Vec::new();
    list(folder, &mut rules, &mut files)?;
    let relative = |file: PathBuf| {
        let path = file.strip_prefix(folder).unwrap_or(&file);
        let path = path.to_str().with_context(|| format!("{} is not UTF-8: rename it", path.display()))?;
        Ok(path.to_owned())
    };
    files.into_iter().map(relative).collect()
}

/// Adds the files below a folder. `rules` are those of the folders above it, the nearest last.
fn list(folder: &Path, rules: &mut Vec<Gitignore>, files: &mut Vec<PathBuf>) -> Result<()> {
    rules.push(rules_in(folder)?);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = entries.with_context(|| format!("cannot list {}", folder.display()))?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().with_context(|| format!("cannot list {}", path.display()))?;
        if entry.file_name() == ".git" || is_ignored(rules, &path, kind.is_dir()) {
            continue;
        }
        if kind.is_dir() {
            list(&path, rules, files)?;
        } else {
            files.push(path);
        }
    }
    rules.pop();
    Ok(())
}

/// Whether a file or folder is excluded. The nearest `.gitignore` with a matching rule decides.
fn is_ignored(rules: &[Gitignore], path: &Path, is_folder: bool) -> bool {
    let mut decisions = rules.iter().rev().map(|rules| rules.matched(path, is_folder));
    decisions.find(|decision| !decision.is_none()).is_some_and(|decision| decision.is_ignore())
}

/// The rules of the `.gitignore` in a folder. There are none if there is no such file.
fn rules_in(folder: &Path) -> Result<Gitignore> {
    let (rules, error) = Gitignore::new(folder.join(".gitignore"));
    match error {
        None => Ok(rules),
        Some(error) => {
            Err(error).with_context(|| format!("cannot use the .gitignore in {}", folder.display()))
        }
    }
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

    /// Writes a text into files below a folder.
    fn write(folder: &Path, text: &str, paths: &[&str]) {
        for path in paths {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
    }

    #[test]
    fn ignored_files_and_files_specific_to_a_stage_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "target/\n*.db\n", &[".gitignore", ".git/config"]);
        write(
            folder.path(),
            "",
            &["chapters/README.md", "stage/README.md", "stage/Cargo.lock", "stage/chapter.toml"],
        );
        let stage = folder.path().join("stage");
        write(&stage, "", &["target/x", "a/target/x", "shop.db", "a/.hidden", "a/README.md", "Cargo.toml"]);
        let files = Files::below(&stage).unwrap();
        assert_eq!(files.paths.iter().collect::<Vec<_>>(), ["Cargo.toml", "a/.hidden", "a/README.md"]);
    }

    #[test]
    fn only_the_gitignore_files_from_the_root_of_the_course_downwards_count_and_the_nearest_decides() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "*\n", &[".gitignore"]);
        let root = folder.path().join("course");
        write(&root, "*\n", &[".git/info/exclude", "stage/.ignore"]);
        write(&root, "/stage/top\n/work/\n*.log\n*.tmp\n", &[".gitignore"]);
        write(&root, "!kept.log\n", &["stage/a/.gitignore"]);
        write(
            &root,
            "",
            &["chapters/README.md", "stage/top", "stage/a/top", "stage/a/kept.log", "stage/a/x.log"],
        );
        write(&root, "", &["stage/x.tmp", "stage/a/x.tmp", "work/1.1/a", "work/1.1/x.tmp"]);

        assert_eq!(tracked(&root.join("stage")).unwrap(), [".ignore", "a/.gitignore", "a/kept.log", "a/top"]);
        assert_eq!(
            tracked(&root.join("work/1.1")).unwrap(),
            ["a"],
            "a folder that git ignores can be listed itself"
        );
        assert!(!tracked(&root).unwrap().iter().any(|path| path.starts_with("work/")));
    }

    #[test]
    fn files_that_editors_and_desktops_leave_are_ignored_by_the_repository_itself() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.gitignore");
        fs::copy(rules, folder.path().join(".gitignore")).unwrap();
        let left = [
            ".DS_Store",
            "._lib.rs",
            "Thumbs.db",
            "desktop.ini",
            ".idea/workspace.xml",
            ".vscode/settings.json",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "src/#lib.rs#",
            "src/.#lib.rs",
        ];
        write(folder.path(), "", &left);
        write(folder.path(), "", &["src/lib.rs"]);
        assert_eq!(tracked(folder.path()).unwrap(), [".gitignore", "src/lib.rs"]);
    }

    #[test]
    fn no_file_of_the_repository_is_ignored_by_the_repository() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let git = stage::environment::git(&root).args(["ls-files", "-z"]).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        let listed: BTreeSet<_> = tracked(&root).unwrap().into_iter().collect();
        let committed = String::from_utf8(git.stdout).unwrap();
        let exists = |path: &&str| fs::symlink_metadata(root.join(path)).is_ok();
        let missing: Vec<_> =
            committed.split_terminator('\0').filter(exists).filter(|path| !listed.contains(*path)).collect();
        assert!(missing.is_empty(), "these are committed but would not be copied: {missing:?}");
    }
}
