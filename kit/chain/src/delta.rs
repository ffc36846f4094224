//! Proves that a stage differs from the one before where its manifest says so, and nowhere else.

use anyhow::Result;

use crate::{Chain, Link, Violation};

/// Every file that differs undeclared, and everything declared that is not so.
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
        violations.extend(step.declared());
        violations.extend(step.departures());
        violations.extend(step.contents()?);
    }
    Ok(violations)
}

struct Step<'a> {
    before: &'a Link,
    after: &'a Link,
}

impl Step<'_> {
    fn was(&self, path: &str) -> bool {
        self.before.files.paths.contains(path)
    }

    fn is(&self, path: &str) -> bool {
        self.after.files.paths.contains(path)
    }

    /// Something untrue in the manifest.
    fn untrue(&self, key: &str, path: &str, reason: &str) -> Violation {
        Violation::new(&self.after.manifest, format!("`{key}` has \"{path}\", {reason}"))
    }

    /// Names that the manifest gives and no file has.
    fn declared(&self) -> Vec<Violation> {
        let changes = &self.after.changes;
        let before = self.before.number;
        let nowhere = "which is not there; correct the path, or take it out";
        let never = format!("which chapter {before} does not have; correct the path, or take it out");
        let still = "which is still there; delete the file, or take it out of the manifest";
        let mut violations = Vec::new();
        let mut unless = |holds: bool, key: &str, path: &str, reason: &str| {
            if !holds {
                violations.push(self.untrue(key, path, reason));
            }
        };
        for path in &changes.changed {
            unless(self.is(path), "changed", path, nowhere);
            let moved = changes.moved.iter().any(|moved| moved.to == *path);
            let reason = format!("which chapter {before} does not have; put it into `added`");
            unless(moved || !self.is(path) || self.was(path), "changed", path, &reason);
        }
        for path in &changes.added {
            unless(self.is(path), "added", path, nowhere);
            let old = format!("which chapter {before} has too; put it into `changed`");
            unless(!self.was(path) || changes.came_to(path) != Some(path), "added", path, &old);
        }
        for path in &changes.removed {
            unless(self.was(path), "removed", path, &never);
            unless(!self.is(path) || changes.came_from(path) != Some(path), "removed", path, still);
        }
        for moved in &changes.moved {
            unless(self.was(&moved.from), "moved", &moved.from, &never);
            unless(self.is(&moved.to), "moved", &moved.to, nowhere);
            let gone = !self.is(&moved.from) || changes.came_from(&moved.from) != Some(&moved.from);
            let copy = "which is still there; delete it, or declare its copy as `added`";
            unless(gone, "moved", &moved.from, copy);
        }
        violations
    }

    /// Files of the stage before that are gone, and nothing says so.
    fn departures(&self) -> Vec<Violation> {
        let (manifest, changes) = (&self.after.manifest, &self.after.changes);
        let gone = |path: &&String| match changes.came_to(path) {
            Some(to) if to == path.as_str() => !self.is(to) || changes.came_from(to) != Some(path),
            _ => false, // declared, and judged there
        };
        let report = |path: &String| {
            let before = self.before.number;
            let reason = format!(
                "chapter {before} has it, here it is gone, and {manifest} does not say so; \
                put it into `removed` or `moved`, or copy it from {}",
                self.before.shown(path)
            );
            Violation::new(self.after.shown(path), reason)
        };
        self.before.files.paths.iter().filter(gone).map(report).collect()
    }

    /// Files that are new or other than in the stage before, and nothing says so; or the reverse.
    fn contents(&self) -> Result<Vec<Violation>> {
        let (manifest, changes) = (&self.after.manifest, &self.after.changes);
        let mut violations = Vec::new();
        for path in &self.after.files.paths {
            let Some(from) = changes.came_from(path) else { continue };
            let declared = changes.changed.contains(path);
            if !self.was(from) {
                if !declared && from == path {
                    let before = self.before.number;
                    let reason = format!(
                        "is new since chapter {before}, and {manifest} does not say so; put it into `added`, or delete it"
                    );
                    violations.push(Violation::new(self.after.shown(path), reason));
                }
                continue;
            }
            let same = self.before.files.read(from)? == self.after.files.read(path)?;
            if same && declared {
                let reason = "which is the same to the byte as in the chapter before; take it out";
                violations.push(self.untrue("changed", path, reason));
            } else if !same && !declared {
                violations.push(Violation::new(self.after.shown(path), self.differs(from)));
            }
        }
        Ok(violations)
    }

    fn differs(&self, from: &str) -> String {
        let (number, manifest) = (self.before.number, &self.after.manifest);
        format!(
            "differs from {} of chapter {number}, and {manifest} does not say so; put it into `changed`, \
            or make both the same (`just carry {number}` takes an uncommitted change there forward)",
            self.before.shown(from)
        )
    }
}
