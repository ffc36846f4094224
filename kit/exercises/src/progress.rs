//! What a participant has done, in `work/progress.json`. It is stored by the ids of exercises, so it survives a renumbering.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::PathBuf,
};

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
    /// Each exercise by its former ids.
    #[serde(skip)]
    former_ids: Vec<(String, String)>,
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
        let manifests = catalogue.exercises.iter().map(|exercise| &exercise.manifest);
        let former_ids = manifests.flat_map(|manifest| {
            manifest.former_ids.iter().map(|former| (former.clone(), manifest.id.clone()))
        });
        let mut progress = Self {
            exercises: BTreeMap::new(),
            file: catalogue.work_folder().join("progress.json"),
            former_ids: former_ids.collect(),
        };
        progress.read_again()?;
        Ok(progress)
    }

    /// Replaces what is in memory by the content of the file. What was stored under an exercise's former id moves to its present id.
    fn read_again(&mut self) -> Result<()> {
        let file = self.file.display();
        self.exercises = match fs::read(&self.file) {
            Ok(text) => {
                let stored = serde_json::from_slice::<Self>(&text);
                stored
                    .with_context(|| format!("{file} is damaged; move it away to begin a new one"))?
                    .exercises
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {file}")),
        };
        for (former, id) in &self.former_ids {
            if let Some(done) = self.exercises.remove(former) {
                self.exercises.entry(id.clone()).or_insert(done);
            }
        }
        Ok(())
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

    /// Changes what was done in an exercise, and stores it atomically. Another command, in a second terminal, may have stored something
    /// since the file was read. So the file is locked and read again first.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn change(&mut self, id: &str, change: impl FnOnce(&mut Done)) -> Result<()> {
        let lock = self.file.with_extension("lock");
        write(&lock, b"")?;
        let locked = File::open(&lock).and_then(|file| file.lock().map(|()| file));
        let _locked = locked.with_context(|| format!("cannot lock {}", lock.display()))?; // until it is dropped
        self.read_again()?;
        change(self.exercises.entry(id.to_owned()).or_default());
        let draft = self.file.with_extension("json.new");
        write(&draft, &serde_json::to_vec_pretty(self)?)?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_keeps_the_progress_and_later_changes_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("progress.json");
        let mut progress = Progress { file: file.clone(), ..Progress::default() };
        progress.change("one", |done| done.checks = 1).unwrap();
        let draft = folder.path().join("progress.json.new");
        std::os::unix::fs::symlink("/dev/full", &draft).unwrap();
        let error = progress.change("one", |done| done.checks = 2).unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");

        fs::remove_file(&draft).unwrap();
        progress.read_again().unwrap();
        assert_eq!(progress.of("one").checks, 1);
        progress.change("one", |done| done.checks += 1).unwrap();
        assert_eq!(progress.of("one").checks, 2);
    }

    #[test]
    fn what_two_terminals_do_at_the_same_time_is_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let terminal = || Progress { file: folder.path().join("work/progress.json"), ..Progress::default() };
        let checks = 20;
        std::thread::scope(|scope| {
            for id in ["one", "two"] {
                let mut progress = terminal();
                scope.spawn(move || {
                    for _ in 0..checks {
                        progress.change(id, |done| done.checks += 1).unwrap();
                        progress.change("both", |done| done.checks += 1).unwrap();
                    }
                });
            }
        });
        let mut progress = terminal();
        progress.read_again().unwrap();
        let counted = ["one", "two", "both"].map(|id| progress.of(id).checks);
        assert_eq!(counted, [checks, checks, 2 * checks]);
    }
}
