//! Takes the uncommitted change of a chapter forward through every later one.
//!
//! From each chapter to the next: what git says is uncommitted in the one is merged into the other. So a chapter that
//! was carried to is the next one's origin, an author's decision in the middle travels on with the rest, and carrying
//! twice does no more than carrying once.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{
    Chain, Link,
    files::{is_own, read_if_there},
    git,
    merge::{Merged, Three, is_marked, level, merge},
};

/// What happened in one later chapter.
#[derive(Debug)]
pub struct Carried {
    /// The chapter's number.
    pub number: u32,
    /// Each file of the change.
    pub files: Vec<File>,
}

/// One file of the change, in one later chapter.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// What happened to it.
    pub outcome: Outcome,
    /// Where it is, from the root of the course.
    pub place: String,
    /// What more there is to say.
    pub remark: String,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has the change now.
    Carried,
    /// It is deleted, as in the chapter before.
    Deleted,
    /// It had the change already.
    Same,
    /// Each chapter has its own, and it is not carried.
    Own,
    /// The chapter has no such file, as it declares: the change ends here.
    Gone,
    /// An author has to decide.
    Conflict,
}

/// A file of the later chapter, not yet written.
struct Planned<'a> {
    path: &'a str,
    merged: Merged,
}

/// Carries the change of a chapter to the next, from there to the next, and so on, up to the first chapter with a
/// conflict, which still gets all of the change. Every file of a chapter is merged before any is written; then `tell` is
/// told. Gives the chapter it came to.
///
/// # Errors
/// There is no such chapter or no later one, it has no uncommitted change, it has unresolved conflicts, or a file cannot
/// be read or written.
pub fn carry(chain: &Chain, number: u32, mut tell: impl FnMut(&Carried) -> Result<()>) -> Result<Carried> {
    let position = chain.position(number)?;
    let first = &chain.links[position];
    ensure!(
        !git::uncommitted(&first.folder)?.is_empty(),
        "{} has no uncommitted change; carry a fix before you commit it",
        first.place
    );
    let mut last = None;
    for (from, to) in chain.steps().skip(position) {
        let carried = Carried { number: to.number, files: step(from, to)? };
        tell(&carried)?;
        let stopped = carried.conflicts().next().is_some();
        last = Some(carried);
        if stopped {
            break;
        }
    }
    last.with_context(|| format!("chapter {number} is the last: there is none to carry to"))
}

/// From one chapter to the next.
fn step(from: &Link, to: &Link) -> Result<Vec<File>> {
    let change = git::uncommitted(&from.folder)?;
    let mut files = Vec::new();
    let mut plan = Vec::new();
    for path in &change {
        if is_own(path) {
            let remark = "each chapter has its own: look at it yourself".to_owned();
            files.push(File { outcome: Outcome::Own, place: to.shown(path), remark });
        } else if let Some(here) = to.changes.path_after(path) {
            plan.push(Planned { path: here, merged: merged(from, path, to, here)? });
        } else {
            let remark = format!("{} removes it: does what took its place need the change?", to.manifest);
            files.push(File { outcome: Outcome::Gone, place: to.shown(path), remark });
        }
    }
    for planned in &plan {
        planned.write(&to.folder)?;
    }
    files.extend(plan.into_iter().map(|planned| planned.report(to)));
    Ok(files)
}

fn merged(from: &Link, path: &str, to: &Link, here: &str) -> Result<Merged> {
    let ours = read_if_there(&to.folder.join(here))?;
    let like = |content| match &ours {
        Some(ours) if path == "Cargo.toml" => level(content, ours),
        _ => content,
    };
    let base = git::committed(&from.folder, path)?.map(like);
    let theirs = read_if_there(&from.folder.join(path))?.map(like);
    for (link, path, content) in [(from, path, &theirs), (to, here, &ours)] {
        let (place, number) = (link.shown(path), link.number);
        ensure!(
            !content.as_deref().is_some_and(is_marked),
            "{place} still has conflict markers; decide between them, then `just carry {number}`"
        );
    }
    let three = Three { base: base.as_deref(), theirs: theirs.as_deref(), ours: ours.as_deref() };
    Ok(merge(three, from.number, to.number))
}

impl Planned<'_> {
    fn write(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.path);
        match &self.merged {
            Merged::Same | Merged::Left(_) => Ok(()),
            Merged::Deleted => fs::remove_file(&file),
            Merged::Written(content) | Merged::Marked(content, _) => {
                file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, content))
            }
        }
        .with_context(|| format!("cannot write {}", file.display()))
    }

    fn report(self, to: &Link) -> File {
        let (outcome, remark) = match self.merged {
            Merged::Same => (Outcome::Same, String::new()),
            Merged::Written(_) => (Outcome::Carried, String::new()),
            Merged::Deleted => (Outcome::Deleted, String::new()),
            Merged::Marked(_, count) => (Outcome::Conflict, format!("{count} between markers in the file")),
            Merged::Left(why) => (Outcome::Conflict, why.to_owned()),
        };
        File { outcome, place: to.shown(self.path), remark }
    }
}

impl Carried {
    /// Files that an author has to look at before the change can go on.
    pub fn conflicts(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.outcome == Outcome::Conflict)
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Carried => "carried",
            Outcome::Deleted => "deleted",
            Outcome::Same => "had it",
            Outcome::Own => "not carried",
            Outcome::Gone => "gone",
            Outcome::Conflict => "CONFLICT",
        };
        write!(f, "{outcome:<11}  {}", self.place)?;
        if self.remark.is_empty() { Ok(()) } else { write!(f, ": {}", self.remark) }
    }
}
