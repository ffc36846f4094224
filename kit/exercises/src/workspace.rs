//! A learner's folder, `work/1.1`: created from the stage, repaired before each check, moved aside but never deleted.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};
use chain::files::{version_of, with_version};

use crate::{
    NotPossible,
    catalogue::Catalogue,
    exercise::Exercise,
    overlay,
    tree::{SourceTree, write},
};

/// The file in a work folder that contains the id of its exercise.
const ID_FILE: &str = ".exercise";

/// A learner's folder.
#[derive(Debug)]
pub struct Workspace<'a> {
    catalogue: &'a Catalogue,
    exercise: &'a Exercise,
    /// `work/1.1`, absolute.
    pub folder: PathBuf,
}

/// A file that was restored, and where the learner's version of it is kept, if there was one.
#[derive(Debug, PartialEq, Eq)]
pub struct Restored {
    /// Relative to the work folder.
    pub path: String,
    /// Whether only the tests in it were restored, and the rest is the learner's.
    pub tests_only: bool,
    /// The learner's version, relative to the root of the course.
    pub kept: Option<PathBuf>,
}

/// A file that the learner edits, in both versions.
#[derive(Debug)]
pub struct Comparison {
    /// Relative to the work folder.
    pub path: String,
    /// The solution.
    pub solution: String,
    /// What the learner has, or the stub if the exercise is not started.
    pub current: String,
}

impl<'a> Workspace<'a> {
    /// The folder of an exercise, whether it exists or not.
    pub fn of(catalogue: &'a Catalogue, exercise: &'a Exercise) -> Self {
        let folder = catalogue.work_folder().join(exercise.number.to_string());
        Self { catalogue, exercise, folder }
    }

    /// Whether the folder exists.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Checks that the folder exists, belongs to this exercise, and contains the files to edit.
    ///
    /// # Errors
    /// [`NotPossible::NotStarted`], [`NotPossible::Renumbered`] or [`NotPossible::FileMissing`].
    pub fn open(&self) -> Result<(), NotPossible> {
        let number = self.exercise.number;
        if !self.exists() {
            return Err(NotPossible::NotStarted { number });
        }
        let id = fs::read_to_string(self.folder.join(ID_FILE)).unwrap_or_default();
        let id = id.trim();
        if self.exercise.has_id(id) || id.is_empty() {
            let missing = self.exercise.manifest.edit.iter().find(|path| !self.folder.join(path).is_file());
            return missing
                .map_or(Ok(()), |path| Err(NotPossible::FileMissing { number, path: path.clone() }));
        }
        let now = match self.catalogue.find(id) {
            Ok(moved) => format!(
                "which is {} now; move the folder there: mv work/{number} work/{}",
                moved.number, moved.number
            ),
            Err(_) => "which no longer exists".to_owned(),
        };
        Err(NotPossible::Renumbered { number, id: id.to_owned(), now })
    }

    /// Creates the folder. An existing one is moved aside, and its new path returned. All files are written to another folder first,
    /// so that a full disk or Ctrl-C leaves no folder with some of them.
    ///
    /// # Errors
    /// A file cannot be read, moved or written.
    pub fn create(&self) -> Result<Option<PathBuf>> {
        let mut start = self.solution()?.overlaid(&self.exercise.folder.join("stub"))?;
        if let Some(bug) = self.exercise.manifest.bugs.first() {
            start = start.overlaid(&self.exercise.folder.join("bugs").join(&bug.name))?;
        }
        let id = format!("{}\n", self.exercise.manifest.id);
        let draft = self.folder.with_file_name(format!(".new-{}", self.exercise.number));
        if draft.exists() {
            let removed = fs::remove_dir_all(&draft);
            removed.with_context(|| format!("cannot remove {}", draft.display()))?;
        }
        start.with(ID_FILE, &id).with("README.md", &self.exercise.task()?).write(&draft)?;
        let aside = if self.exists() { Some(self.move_aside()?) } else { None };
        let moved = fs::rename(&draft, &self.folder);
        moved.with_context(|| format!("cannot move {} to {}", draft.display(), self.folder.display()))?;
        Ok(aside)
    }

    /// The stage with the exercise's tests and its solution, with the version of this folder.
    fn solution(&self) -> Result<SourceTree> {
        self.solution_versioned("work")
    }

    fn solution_versioned(&self, prefix: &str) -> Result<SourceTree> {
        let suffix = format!("{prefix}.{}", self.exercise.number.to_string().replace('.', "-"));
        Ok(SourceTree::solution(&self.catalogue.course, self.exercise)?.versioned(&suffix))
    }

    /// The stage with the files that the learner edits as the learner has them, and nothing else of the learner's.
    ///
    /// # Errors
    /// A file cannot be read, or is not UTF-8.
    pub fn submission(&self) -> Result<SourceTree> {
        let mut tree = self.solution_versioned("check")?;
        for path in &self.exercise.manifest.edit {
            let file = self.folder.join(path);
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            tree = tree.with(path, &text);
        }
        Ok(tree)
    }

    /// Where a submission is checked, when it is not checked in the work folder itself.
    pub fn scratch(&self) -> PathBuf {
        self.catalogue.work_folder().join(format!(".check/{}", self.exercise.number))
    }

    /// Moves the folder to the first free `work/1.1-old-N` and gives it a version of its own, so that it can still be built.
    fn move_aside(&self) -> Result<PathBuf> {
        let (aside, n) = self.free_name("old");
        fs::rename(&self.folder, &aside)
            .with_context(|| format!("cannot move {} to {}", self.folder.display(), aside.display()))?;
        let manifest = aside.join("Cargo.toml");
        if let Ok(text) = fs::read_to_string(&manifest)
            && let Some(version) = version_of(&text)
        {
            write(&manifest, with_version(&text, &format!("{version}.old-{n}")).as_bytes())?;
        }
        Ok(aside)
    }

    fn free_name(&self, suffix: &str) -> (PathBuf, u32) {
        let name = |n: u32| self.folder.with_file_name(format!("{}-{suffix}-{n}", self.exercise.number));
        let mut n = 1;
        while name(n).exists() {
            n += 1;
        }
        (name(n), n)
    }

    /// Restores the tests and manifests of the exercise. What the learner had there instead is kept.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn restore(&self) -> Result<Vec<Restored>> {
        let mut restored = Vec::new();
        let mut kept_in = None;
        for (path, canonical) in self.solution()?.files() {
            let file = self.folder.join(path);
            let current = fs::read(&file).ok();
            let is_edited = self.exercise.manifest.edit.iter().any(|edited| edited == path);
            let tests_only = current.is_some() && (is_edited || !is_canonical(path));
            let wanted = match &current {
                Some(current) if tests_only => with_tests_of(canonical, current),
                _ => Some(canonical.to_owned()),
            };
            let Some(wanted) = wanted.filter(|wanted| Some(wanted) != current.as_ref()) else { continue };
            let kept = match current {
                Some(current) => {
                    let kept = kept_in.get_or_insert_with(|| self.free_name("kept").0).join(path);
                    write(&kept, &current)?;
                    Some(kept.strip_prefix(&self.catalogue.course.root).unwrap_or(&kept).to_owned())
                }
                None => None,
            };
            write(&file, &wanted)?;
            restored.push(Restored { path: path.to_owned(), tests_only, kept });
        }
        Ok(restored)
    }

    /// Every file that the learner edits, beside its solution.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn compare(&self) -> Result<Vec<Comparison>> {
        let solution = self.solution()?;
        let stub = solution.clone().overlaid(&self.exercise.folder.join("stub"))?;
        let compare = |path: &String| Comparison {
            path: path.clone(),
            solution: solution.text(path).unwrap_or_default().to_owned(),
            current: fs::read_to_string(self.folder.join(path))
                .unwrap_or_else(|_| stub.text(path).unwrap_or_default().to_owned()),
        };
        Ok(self.exercise.manifest.edit.iter().map(compare).collect())
    }

    /// Every file with its time and length. It differs from an earlier value if a file was saved, added or removed since. Cargo.lock
    /// is not part of it, because a check may write it. Empty if the folder cannot be read.
    pub fn state(&self) -> BTreeMap<String, (Option<SystemTime>, u64)> {
        let mut paths = chain::files::tracked(&self.folder).unwrap_or_default();
        paths.retain(|path| path != "Cargo.lock");
        let state = |path: String| {
            let metadata = fs::metadata(self.folder.join(&path)).ok()?;
            Some((path, (metadata.modified().ok(), metadata.len())))
        };
        paths.into_iter().filter_map(state).collect()
    }
}

/// Whether a file belongs to the exercise and not to the learner: tests in their own folder, and build manifests.
fn is_canonical(path: &str) -> bool {
    let path = Path::new(path);
    let is_manifest = ["Cargo.toml", "build.rs"].iter().any(|name| path.ends_with(name));
    is_manifest || path.components().any(|folder| folder.as_os_str() == "tests")
}

/// Returns a learner's source with the test modules of the exercise. `None`: there are none, or the source cannot be
/// parsed, which the compiler will explain.
fn with_tests_of(canonical: &[u8], current: &[u8]) -> Option<Vec<u8>> {
    let (canonical, current) = (std::str::from_utf8(canonical).ok()?, std::str::from_utf8(current).ok()?);
    let tests = overlay::test_modules(canonical).ok().filter(|tests| !tests.is_empty())?;
    if overlay::test_modules(current).ok()? == tests {
        return None;
    }
    overlay::apply(current, &tests).ok().map(String::into_bytes)
}
