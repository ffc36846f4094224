//! All exercises of the course: `exercises/NN-chapter/MM-exercise/`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use stage::Course;

use crate::{
    NotPossible,
    exercise::{Exercise, Number},
};

/// The exercises, in order.
#[derive(Debug)]
pub struct Catalogue {
    /// The course they belong to.
    pub course: Course,
    /// In the order of their numbers.
    pub exercises: Vec<Exercise>,
}

impl Catalogue {
    /// Reads every exercise of a course.
    ///
    /// # Errors
    /// An `exercise.toml` is invalid, or two exercises share an id.
    pub fn of(course: &Course) -> Result<Self> {
        let mut exercises = Vec::new();
        for (chapter, folder) in numbered(&course.root.join("exercises"))? {
            for (position, folder) in numbered(&folder)? {
                exercises.push(Exercise::read(Number { chapter, position }, &folder)?);
            }
        }
        let mut ids = BTreeMap::new();
        for Exercise { number, manifest, .. } in &exercises {
            for id in manifest.former_ids.iter().chain([&manifest.id]) {
                if let Some(other) = ids.insert(id, number) {
                    bail!("exercises {other} and {number} share the id \"{id}\"; give each its own");
                }
            }
        }
        Ok(Self { course: course.clone(), exercises })
    }

    /// Finds an exercise by its number (`1.1`) or its id (`last-unit`), a former id included.
    ///
    /// # Errors
    /// [`NotPossible::NoSuchExercise`].
    pub fn find(&self, wanted: &str) -> Result<&Exercise, NotPossible> {
        let matches = |exercise: &&Exercise| exercise.number.to_string() == wanted || exercise.has_id(wanted);
        self.exercises.iter().find(matches).ok_or_else(|| {
            let numbers: Vec<_> = self.exercises.iter().map(|exercise| exercise.number.to_string()).collect();
            NotPossible::NoSuchExercise { wanted: wanted.to_owned(), available: numbers.join(", ") }
        })
    }

    /// The exercises of one chapter.
    pub fn of_chapter(&self, chapter: u32) -> impl Iterator<Item = &Exercise> {
        self.exercises.iter().filter(move |exercise| exercise.number.chapter == chapter)
    }

    /// The chapters that have exercises, in order.
    pub fn chapters(&self) -> Vec<u32> {
        let mut chapters: Vec<_> = self.exercises.iter().map(|exercise| exercise.number.chapter).collect();
        chapters.dedup();
        chapters
    }

    /// The folder in which learners work.
    pub fn work_folder(&self) -> PathBuf {
        self.course.root.join("work")
    }
}

/// Folders called `NN-title`, with their numbers, in order. Empty if the folder does not exist.
fn numbered(folder: &Path) -> Result<Vec<(u32, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    let number = |path: &Path| path.file_name()?.to_str()?.split_once('-')?.0.parse().ok();
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut numbered: Vec<_> = paths.filter_map(|path| Some((number(&path)?, path))).collect();
    numbered.sort();
    Ok(numbered)
}
