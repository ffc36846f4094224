//! What a participant has done, in `work/progress.json`: by the ids of exercises, so that it outlives a renumbering.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::copy::write;

/// The progress of one participant.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// By the id of an exercise.
    exercises: BTreeMap<String, Done>,
    #[serde(skip)]
    file: PathBuf,
}

/// What was done of one exercise.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When it was started, first or anew.
    pub started_at: Option<Timestamp>,
    /// When it passed, first.
    pub passed_at: Option<Timestamp>,
    /// How often it was checked.
    pub checks: u32,
    /// How many tests passed at the last check.
    pub tests_passed: usize,
    /// How many hints were read.
    pub hints: usize,
    /// Whether the solution was read before it passed.
    pub solution_read: bool,
}

impl Progress {
    /// Reads the progress in a folder; none is no progress.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(desk: &Path) -> Result<Self> {
        let file = desk.join("progress.json");
        let progress = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged; move it away to begin a new one", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        Ok(Self { file, ..progress })
    }

    /// What was done of an exercise.
    pub fn of(&self, id: &str) -> Done {
        self.exercises.get(id).cloned().unwrap_or_default()
    }

    /// The exercise that was started last.
    pub fn latest(&self) -> Option<&str> {
        let started = self.exercises.iter().filter(|(_, done)| done.started_at.is_some());
        started.max_by_key(|(_, done)| done.started_at).map(|(id, _)| id.as_str())
    }

    /// Changes what was done of an exercise, on the disk too, in one step: nobody reads half of it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Done)) -> Result<()> {
        change(self.exercises.entry(id.to_owned()).or_default());
        let draft = self.file.with_extension("json.new");
        write(&draft, &serde_json::to_vec_pretty(self)?)?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}
