//! All exercises of the course: `exercises/NN-chapter/MM-exercise/`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use stage::Course;

use crate::{
    Impossible,
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
    /// One cannot be used, or two have one id.
    pub fn of(course: &Course) -> Result<Self> {
        let mut exercises = Vec::new();
        for (chapter, folder) in numbered(&course.root.join("exercises"))? {
            for (position, folder) in numbered(&folder)? {
                exercises.push(Exercise::read(Number { chapter, position }, &folder)?);
            }
        }
        let mut ids = BTreeMap::new();
        for Exercise { number, manifest, .. } in &exercises {
            if let Some(other) = ids.insert(&manifest.id, number) {
                let id = &manifest.id;
                ensure!(
                    other == number,
                    "exercises {other} and {number} have one id, \"{id}\"; give each its own"
                );
            }
        }
        Ok(Self { course: course.clone(), exercises })
    }

    /// The exercise of a number (`1.1`) or an id (`last-unit`).
    ///
    /// # Errors
    /// [`Impossible::NoExercise`].
    pub fn find(&self, wanted: &str) -> Result<&Exercise, Impossible> {
        let is_it =
            |exercise: &&Exercise| exercise.number.to_string() == wanted || exercise.manifest.id == wanted;
        self.exercises.iter().find(is_it).ok_or_else(|| {
            let numbers: Vec<_> = self.exercises.iter().map(|exercise| exercise.number.to_string()).collect();
            Impossible::NoExercise { wanted: wanted.to_owned(), there: numbers.join(", ") }
        })
    }

    /// Those of one chapter.
    pub fn of_chapter(&self, chapter: u32) -> impl Iterator<Item = &Exercise> {
        self.exercises.iter().filter(move |exercise| exercise.number.chapter == chapter)
    }

    /// The chapters that have exercises, in order.
    pub fn chapters(&self) -> Vec<u32> {
        let mut chapters: Vec<_> = self.exercises.iter().map(|exercise| exercise.number.chapter).collect();
        chapters.dedup();
        chapters
    }

    /// Where learners work.
    pub fn desk(&self) -> PathBuf {
        self.course.root.join("work")
    }
}

/// Folders called `NN-title`, with their numbers, in order. None where the folder is not there.
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
