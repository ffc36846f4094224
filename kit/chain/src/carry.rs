//! Merges the uncommitted change of a chapter into every later chapter.
//!
//! The change moves from each chapter to the next: what git reports as uncommitted in one chapter is merged into the
//! following one. So an edit that an author makes in a middle chapter is carried on with the rest, and carrying is
//! idempotent.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{
    Chain, Link,
    files::{is_own, read_if_there},
    git,
    merge::{MergeInput, MergeOutcome, has_conflict_markers, merge, with_version_of},
};

/// The result for one later chapter.
#[derive(Debug)]
pub struct Carried {
    /// The number of the chapter.
    pub number: u32,
    /// The files of the change.
    pub files: Vec<File>,
}

/// The result for one file in one later chapter.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// What happened to the file.
    pub outcome: Outcome,
    /// The path of the file, relative to the root of the course.
    pub path: String,
    /// A remark for the author; may be empty.
    pub remark: String,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The change was merged into the file.
    Carried,
    /// The file was deleted, as in the chapter before.
    Deleted,
    /// The file already contained the change.
    Unchanged,
    /// The file is specific to each chapter and is not carried.
    Skipped,
    /// The manifest of the chapter declares the file as removed, so the change ends here.
    Removed,
    /// The author has to resolve a conflict.
    Conflict,
}

/// A file of the later chapter that is merged, but not yet written.
struct PlannedFile<'a> {
    path: &'a str,
    merged: MergeOutcome,
}

/// Carries the change of a chapter to the next chapter, from there to the one after it, and so on. It stops after the
/// first chapter with a conflict; that chapter still receives the whole change. All files of a chapter are merged before
/// any of them is written. `report` is called once for each chapter. Returns the result for the last chapter.
///
/// # Errors
/// The chapter does not exist or is the last one, it contains no uncommitted change or unresolved conflicts, or a file
/// cannot be read or written.
pub fn carry(chain: &Chain, number: u32, mut report: impl FnMut(&Carried) -> Result<()>) -> Result<Carried> {
    let position = chain.position(number)?;
    let first = &chain.links[position];
    ensure!(
        !git::uncommitted(&first.folder)?.is_empty(),
        "{} contains no uncommitted change; carry a fix before you commit it",
        first.path
    );
    let mut last = None;
    for (from, to) in chain.steps().skip(position) {
        let carried = Carried { number: to.number, files: step(from, to)? };
        report(&carried)?;
        let stopped = carried.conflicts().next().is_some();
        last = Some(carried);
        if stopped {
            break;
        }
    }
    last.with_context(|| {
        format!("chapter {number} is the last one; there is no later chapter to carry the change to")
    })
}

/// Carries the change from one chapter to the next.
fn step(from: &Link, to: &Link) -> Result<Vec<File>> {
    let change = git::uncommitted(&from.folder)?;
    let mut files = Vec::new();
    let mut plan = Vec::new();
    for path in &change {
        if is_own(path) {
            let remark = "this file is specific to each chapter; edit it by hand if necessary".to_owned();
            files.push(File { outcome: Outcome::Skipped, path: to.path_of(path), remark });
        } else if let Some(here) = to.changes.path_after(path) {
            plan.push(PlannedFile { path: here, merged: merge_file(from, path, to, here)? });
        } else {
            let remark = format!(
                "{} declares it as removed; check whether its replacement needs the change",
                to.manifest
            );
            files.push(File { outcome: Outcome::Removed, path: to.path_of(path), remark });
        }
    }
    for planned in &plan {
        planned.write(&to.folder)?;
    }
    files.extend(plan.into_iter().map(|planned| planned.report(to)));
    Ok(files)
}

fn merge_file(from: &Link, path: &str, to: &Link, here: &str) -> Result<MergeOutcome> {
    let ours = read_if_there(&to.folder.join(here))?;
    let with_our_version = |content| match &ours {
        Some(ours) if path == "Cargo.toml" => with_version_of(content, ours),
        _ => content,
    };
    let base = git::committed(&from.folder, path)?.map(with_our_version);
    let theirs = read_if_there(&from.folder.join(path))?.map(with_our_version);
    for (link, path, content) in [(from, path, &theirs), (to, here, &ours)] {
        let (file, number) = (link.path_of(path), link.number);
        ensure!(
            !content.as_deref().is_some_and(has_conflict_markers),
            "{file} still contains conflict markers; resolve them, then run `just carry {number}`"
        );
    }
    let input = MergeInput { base: base.as_deref(), theirs: theirs.as_deref(), ours: ours.as_deref() };
    Ok(merge(input, from.number, to.number))
}

impl PlannedFile<'_> {
    fn write(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.path);
        match &self.merged {
            MergeOutcome::Unchanged | MergeOutcome::Unmergeable(_) => Ok(()),
            MergeOutcome::Deleted => fs::remove_file(&file),
            MergeOutcome::Merged(content) | MergeOutcome::Conflicted(content, _) => {
                file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content))
            }
        }
        .with_context(|| format!("cannot write {}", file.display()))
    }

    fn report(self, to: &Link) -> File {
        let (outcome, remark) = match self.merged {
            MergeOutcome::Unchanged => (Outcome::Unchanged, String::new()),
            MergeOutcome::Merged(_) => (Outcome::Carried, String::new()),
            MergeOutcome::Deleted => (Outcome::Deleted, String::new()),
            MergeOutcome::Conflicted(_, count) => {
                (Outcome::Conflict, format!("{count} conflicts, marked in the file"))
            }
            MergeOutcome::Unmergeable(why) => (Outcome::Conflict, why.to_owned()),
        };
        File { outcome, path: to.path_of(self.path), remark }
    }
}

impl Carried {
    /// The files in which the author has to resolve a conflict before the change can be carried on.
    pub fn conflicts(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.outcome == Outcome::Conflict)
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Carried => "carried",
            Outcome::Deleted => "deleted",
            Outcome::Unchanged => "unchanged",
            Outcome::Skipped => "skipped",
            Outcome::Removed => "removed",
            Outcome::Conflict => "CONFLICT",
        };
        write!(f, "{outcome:<11}  {}", self.path)?;
        if self.remark.is_empty() { Ok(()) } else { write!(f, ": {}", self.remark) }
    }
}
