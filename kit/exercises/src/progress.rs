//! What a participant has done, in `work/progress.json`. It is stored by the ids of exercises, so it survives a renumbering.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{catalogue::Catalogue, tree::write};

/// The progress of one participant.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// By the id of an exercise.
    exercises: BTreeMap<String, Done>,
    #[serde(skip)]
    file: PathBuf,
}

/// What was done in one exercise.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When it was last started or reset.
    pub started_at: Option<Timestamp>,
    /// When it first passed.
    pub passed_at: Option<Timestamp>,
    /// How often it was checked.
    pub checks: u32,
    /// How many tests passed in the last check.
    pub tests_passed: usize,
    /// How many hints were read.
    pub hints: usize,
    /// Whether the solution was read before it passed.
    pub solution_read: bool,
}

impl Progress {
    /// Reads the progress in the course's work folder. If there is no file, nothing was done yet.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(catalogue: &Catalogue) -> Result<Self> {
        let file = catalogue.work_folder().join("progress.json");
        let progress = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged; move it away to begin a new one", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let mut progress = Self { file, ..progress };
        progress.adopt_former_ids(catalogue);
        Ok(progress)
    }

    /// Moves what was stored under an exercise's former id to its present id.
    fn adopt_former_ids(&mut self, catalogue: &Catalogue) {
        for exercise in &catalogue.exercises {
            for former in &exercise.manifest.former_ids {
                if let Some(done) = self.exercises.remove(former) {
                    self.exercises.entry(exercise.manifest.id.clone()).or_insert(done);
                }
            }
        }
    }

    /// What was done in an exercise.
    pub fn of(&self, id: &str) -> Done {
        self.exercises.get(id).cloned().unwrap_or_default()
    }

    /// The id of the exercise that was started last.
    pub fn latest(&self) -> Option<&str> {
        let started = self.exercises.iter().filter(|(_, done)| done.started_at.is_some());
        started.max_by_key(|(_, done)| done.started_at).map(|(id, _)| id.as_str())
    }

    /// Changes what was done in an exercise, and stores it atomically.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Done)) -> Result<()> {
        change(self.exercises.entry(id.to_owned()).or_default());
        let draft = self.file.with_extension("json.new");
        write(&draft, &serde_json::to_vec_pretty(self)?)?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}
