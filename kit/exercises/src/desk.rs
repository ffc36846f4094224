//! A learner's folder, `work/1.1`: made from the stage, put right before each check, moved aside and never thrown away.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use chain::files::{version_of, with_version};

use crate::{
    Impossible,
    catalogue::Catalogue,
    copy::{Copy, write},
    exercise::Exercise,
    overlay,
};

/// The file in a work folder that has the id of its exercise.
const MARK: &str = ".exercise";

/// A learner's folder.
#[derive(Debug)]
pub struct Desk<'a> {
    catalogue: &'a Catalogue,
    exercise: &'a Exercise,
    /// `work/1.1`, absolute.
    pub folder: PathBuf,
}

/// A file that was put back, and where the learner's version of it is kept, if there was one.
#[derive(Debug, PartialEq, Eq)]
pub struct PutBack {
    /// From the work folder.
    pub path: String,
    /// Whether only the tests in it were: the rest is the learner's.
    pub tests_only: bool,
    /// The learner's version, from the root of the course.
    pub kept: Option<PathBuf>,
}

impl<'a> Desk<'a> {
    /// The folder of an exercise, there or not.
    pub fn of(catalogue: &'a Catalogue, exercise: &'a Exercise) -> Self {
        let folder = catalogue.desk().join(exercise.number.to_string());
        Self { catalogue, exercise, folder }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// That there is one, of this exercise, with the files to edit.
    ///
    /// # Errors
    /// [`Impossible::NotStarted`], [`Impossible::Renumbered`] or [`Impossible::FileGone`].
    pub fn open(&self) -> Result<(), Impossible> {
        let number = self.exercise.number;
        if !self.is_there() {
            return Err(Impossible::NotStarted { number });
        }
        let id = fs::read_to_string(self.folder.join(MARK)).unwrap_or_default();
        let id = id.trim();
        if id == self.exercise.manifest.id || id.is_empty() {
            let gone = self.exercise.manifest.edit.iter().find(|path| !self.folder.join(path).is_file());
            return gone.map_or(Ok(()), |path| Err(Impossible::FileGone { number, path: path.clone() }));
        }
        let now = match self.catalogue.find(id) {
            Ok(moved) => format!(
                "which is {} now; take it there: mv work/{number} work/{}",
                moved.number, moved.number
            ),
            Err(_) => "which is no longer there".to_owned(),
        };
        Err(Impossible::Renumbered { number, id: id.to_owned(), now })
    }

    /// Makes the folder anew. One that is there is moved aside, and its new name given.
    ///
    /// # Errors
    /// A file cannot be read, moved or written.
    pub fn lay_out(&self) -> Result<Option<PathBuf>> {
        let aside = if self.is_there() { Some(self.move_aside()?) } else { None };
        let stub = self.canonical()?.overlaid(&self.exercise.folder.join("stub"))?;
        let id = format!("{}\n", self.exercise.manifest.id);
        stub.with(MARK, &id).with("README.md", &self.exercise.task()?).write(&self.folder)?;
        Ok(aside)
    }

    /// The stage with the exercise's tests, as it lies in the work folder.
    fn canonical(&self) -> Result<Copy> {
        let suffix = format!("work.{}", self.exercise.number.to_string().replace('.', "-"));
        Ok(Copy::solution(&self.catalogue.course, self.exercise)?.versioned(&suffix))
    }

    /// To the first free `work/1.1-old-N`, with a version of its own, so that it can still be built.
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

    fn free_name(&self, what: &str) -> (PathBuf, u32) {
        let name = |n: u32| self.folder.with_file_name(format!("{}-{what}-{n}", self.exercise.number));
        let mut n = 1;
        while name(n).exists() {
            n += 1;
        }
        (name(n), n)
    }

    /// Puts back the tests and the manifests, as the exercise has them. What the learner had there is kept aside.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn put_back(&self) -> Result<Vec<PutBack>> {
        let mut put_back = Vec::new();
        let mut kept_in = None;
        for (path, canonical) in self.canonical()?.files() {
            let file = self.folder.join(path);
            let there = fs::read(&file).ok();
            let tests_only = there.is_some() && !is_canonical(path);
            let wanted = match &there {
                Some(there) if tests_only => with_tests_of(canonical, there),
                _ => Some(canonical.to_owned()),
            };
            let Some(wanted) = wanted.filter(|wanted| Some(wanted) != there.as_ref()) else { continue };
            let kept = match there {
                Some(there) => {
                    let kept = kept_in.get_or_insert_with(|| self.free_name("kept").0).join(path);
                    write(&kept, &there)?;
                    Some(kept.strip_prefix(&self.catalogue.course.root).unwrap_or(&kept).to_owned())
                }
                None => None,
            };
            write(&file, &wanted)?;
            put_back.push(PutBack { path: path.to_owned(), tests_only, kept });
        }
        Ok(put_back)
    }

    /// Each file to edit: its path, the solution, and what the learner has, or the stub where nothing is started.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn solution(&self) -> Result<Vec<(String, String, String)>> {
        let solution = self.canonical()?;
        let stub = solution.clone().overlaid(&self.exercise.folder.join("stub"))?;
        let row = |path: &String| {
            let theirs = match fs::read_to_string(self.folder.join(path)) {
                Ok(text) => text,
                Err(_) => stub.text(path).unwrap_or_default().to_owned(),
            };
            (path.clone(), solution.text(path).unwrap_or_default().to_owned(), theirs)
        };
        Ok(self.exercise.manifest.edit.iter().map(row).collect())
    }

    /// When the learner changed something last: what is watched.
    pub fn changed_at(&self) -> Option<std::time::SystemTime> {
        let paths = chain::files::tracked(&self.folder).ok()?;
        let time = |path: &String| fs::metadata(self.folder.join(path)).ok()?.modified().ok();
        paths.iter().filter(|path| *path != "Cargo.lock").filter_map(time).max()
    }
}

/// Whether a file is the exercise's and not the learner's: tests of their own folder, and what says how to build them.
fn is_canonical(path: &str) -> bool {
    let path = Path::new(path);
    let is_manifest = ["Cargo.toml", "build.rs"].iter().any(|name| path.ends_with(name));
    is_manifest || path.components().any(|folder| folder.as_os_str() == "tests")
}

/// A learner's source with the test modules of the exercise. None: it has none, or does not parse, and the compiler
/// will say so.
fn with_tests_of(canonical: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let (canonical, theirs) = (std::str::from_utf8(canonical).ok()?, std::str::from_utf8(theirs).ok()?);
    let tests = overlay::tests_of(canonical).ok().filter(|tests| !tests.is_empty())?;
    if overlay::tests_of(theirs).ok()? == tests {
        return None;
    }
    overlay::lay_over(theirs, &tests).ok().map(String::into_bytes)
}
