//! Proves that a stage differs from the one before where its manifest says so, and nowhere else.

use anyhow::Result;

use crate::{Chain, Link, Violation, merge::is_marked};

/// Every file that differs undeclared, everything declared that is not so, and every merge left undecided.
///
/// # Errors
/// A file cannot be read.
pub fn check(chain: &Chain) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    if let Some(first) = chain.links.first().filter(|first| !first.changes.is_empty()) {
        let reason =
            "`changes` of the first chapter can say nothing: there is none before it; remove the table";
        violations.push(Violation::new(&first.manifest, reason));
    }
    for (before, after) in chain.steps() {
        let step = Step { before, after };
        violations.extend(step.untrue()?);
        violations.extend(step.gone());
        violations.extend(step.undeclared()?);
    }
    for link in &chain.links {
        violations.extend(undecided(link)?);
    }
    Ok(violations)
}

/// Files in which `just carry` left conflict markers.
fn undecided(link: &Link) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for path in &link.files.paths {
        if is_marked(&link.files.read(path)?) {
            let reason =
                format!("has conflict markers; decide between them, then `just carry {}`", link.number);
            violations.push(Violation::new(link.shown(path), reason));
        }
    }
    Ok(violations)
}

/// From one stage to the next.
struct Step<'a> {
    before: &'a Link,
    after: &'a Link,
}

const NOWHERE: &str = "which is not there; correct the path, or take it out";

impl Step<'_> {
    fn was(&self, path: &str) -> bool {
        self.before.files.paths.contains(path)
    }

    fn is(&self, path: &str) -> bool {
        self.after.files.paths.contains(path)
    }

    /// Whether the file of this name is, as declared, the same one as before.
    fn stayed(&self, path: &str) -> bool {
        self.is(path) && self.after.changes.path_before(path) == Some(path)
    }

    fn is_same(&self, from: &str, path: &str) -> Result<bool> {
        Ok(self.before.files.read(from)? == self.after.files.read(path)?)
    }

    /// What the manifest says and the files do not.
    fn untrue(&self) -> Result<Vec<Violation>> {
        let changes = &self.after.changes;
        let mut violations = Vec::new();
        let mut report = |key: &str, path: &str, reason: Option<String>| {
            let violation =
                |reason| Violation::new(&self.after.manifest, format!("`{key}` has \"{path}\", {reason}"));
            violations.extend(reason.map(violation));
        };
        for path in &changes.changed {
            report("changed", path, self.not_changed(path)?);
        }
        for path in &changes.added {
            report("added", path, self.not_added(path));
        }
        for path in &changes.removed {
            report("removed", path, self.not_gone(path, "take it out"));
        }
        for moved in &changes.moved {
            report("moved", &moved.from, self.not_gone(&moved.from, "declare the copy as `added`"));
            report("moved", &moved.to, (!self.is(&moved.to)).then(|| NOWHERE.to_owned()));
        }
        Ok(violations)
    }

    fn not_changed(&self, path: &str) -> Result<Option<String>> {
        Ok(match self.after.changes.path_before(path) {
            _ if !self.is(path) => Some(NOWHERE.to_owned()),
            Some(from) if self.was(from) => {
                let same = "which is the same to the byte as in the chapter before; take it out";
                self.is_same(from, path)?.then(|| same.to_owned())
            }
            Some(from) if from != path => None, // the move is what is untrue
            _ => Some(format!("which chapter {} does not have; put it into `added`", self.before.number)),
        })
    }

    fn not_added(&self, path: &str) -> Option<String> {
        let was_and_stays = self.was(path) && self.after.changes.path_after(path) == Some(path);
        let old = || format!("which chapter {} has too; put it into `changed`", self.before.number);
        if self.is(path) { was_and_stays.then(old) } else { Some(NOWHERE.to_owned()) }
    }

    fn not_gone(&self, path: &str, or: &str) -> Option<String> {
        let never = || {
            format!("which chapter {} does not have; correct the path, or take it out", self.before.number)
        };
        let still = || format!("which is still there; delete it, or {or}");
        if self.was(path) { self.stayed(path).then(still) } else { Some(never()) }
    }

    /// Files of the stage before that are gone, and nothing says so.
    fn gone(&self) -> Vec<Violation> {
        let (number, manifest, changes) = (self.before.number, &self.after.manifest, &self.after.changes);
        let undeclared = |path: &&String| {
            changes.path_after(path) == Some(path) && !changes.changed.contains(path) && !self.stayed(path)
        };
        let report = |path: &String| {
            let reason = format!(
                "chapter {number} has it, here it is gone, and {manifest} does not say so; \
                put it into `removed` or `moved`, or copy it from {}",
                self.before.shown(path)
            );
            Violation::new(self.after.shown(path), reason)
        };
        self.before.files.paths.iter().filter(undeclared).map(report).collect()
    }

    /// Files that are new or other than in the stage before, and nothing says so.
    fn undeclared(&self) -> Result<Vec<Violation>> {
        let (number, manifest, changes) = (self.before.number, &self.after.manifest, &self.after.changes);
        let mut violations = Vec::new();
        for path in self.after.files.paths.iter().filter(|path| !changes.changed.contains(path)) {
            let reason = match changes.path_before(path) {
                Some(from) if self.was(from) => {
                    if self.is_same(from, path)? {
                        continue;
                    }
                    format!(
                        "differs from {} of chapter {number}, and {manifest} does not say so; put it into `changed`, \
                        or make both the same (`just carry {number}` takes an uncommitted change there forward)",
                        self.before.shown(from)
                    )
                }
                Some(from) if from == path => format!(
                    "is new since chapter {number}, and {manifest} does not say so; put it into `added`, or delete it"
                ),
                _ => continue, // declared, and judged there
            };
            violations.push(Violation::new(self.after.shown(path), reason));
        }
        Ok(violations)
    }
}
