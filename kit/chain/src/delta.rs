//! Checks that a stage differs from the one before only where its manifest declares it.

use anyhow::Result;

use crate::{Chain, Link, Violation, merge::has_conflict_markers};

/// Finds undeclared differences, declarations that do not match the files, and unresolved conflict markers.
///
/// # Errors
/// A file cannot be read.
pub fn check(chain: &Chain) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    if let Some(first) = chain.links.first().filter(|first| !first.changes.is_empty()) {
        let reason = "the first chapter has no earlier chapter to differ from; remove the table `changes`";
        violations.push(Violation::new(&first.manifest, reason));
    }
    for (before, after) in chain.steps() {
        let step = Step { before, after };
        violations.extend(step.wrong_declarations()?);
        violations.extend(step.undeclared_removals());
        violations.extend(step.undeclared_changes()?);
    }
    for link in &chain.links {
        violations.extend(unresolved_conflicts(link)?);
    }
    Ok(violations)
}

/// Finds files with conflict markers of `just carry`.
fn unresolved_conflicts(link: &Link) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for path in &link.files.paths {
        if has_conflict_markers(&link.files.read(path)?) {
            let reason =
                format!("contains conflict markers; resolve them, then run `just carry {}`", link.number);
            violations.push(Violation::new(link.path_of(path), reason));
        }
    }
    Ok(violations)
}

/// Two adjacent stages.
struct Step<'a> {
    before: &'a Link,
    after: &'a Link,
}

const MISSING: &str = "which does not exist; correct the path, or delete the entry";

impl Step<'_> {
    fn existed(&self, path: &str) -> bool {
        self.before.files.paths.contains(path)
    }

    fn exists(&self, path: &str) -> bool {
        self.after.files.paths.contains(path)
    }

    /// Whether the file exists and, according to the manifest, was neither moved nor replaced by another file.
    fn stayed(&self, path: &str) -> bool {
        self.exists(path) && self.after.changes.path_before(path) == Some(path)
    }

    fn is_same(&self, from: &str, path: &str) -> Result<bool> {
        Ok(self.before.files.read(from)? == self.after.files.read(path)?)
    }

    /// Finds declarations that do not match the files.
    fn wrong_declarations(&self) -> Result<Vec<Violation>> {
        let changes = &self.after.changes;
        let mut violations = Vec::new();
        let mut report = |key: &str, path: &str, reason: Option<String>| {
            let violation =
                |reason| Violation::new(&self.after.manifest, format!("`{key}` lists \"{path}\", {reason}"));
            violations.extend(reason.map(violation));
        };
        for path in &changes.changed {
            report("changed", path, self.not_changed(path)?);
        }
        for path in &changes.added {
            report("added", path, self.not_added(path));
        }
        for path in &changes.removed {
            report("removed", path, self.not_removed(path, "delete the entry"));
        }
        for moved in &changes.moved {
            report("moved", &moved.from, self.not_removed(&moved.from, "declare the copy as `added`"));
            report("moved", &moved.to, (!self.exists(&moved.to)).then(|| MISSING.to_owned()));
        }
        Ok(violations)
    }

    fn not_changed(&self, path: &str) -> Result<Option<String>> {
        Ok(match self.after.changes.path_before(path) {
            _ if !self.exists(path) => Some(MISSING.to_owned()),
            Some(from) if self.existed(from) => {
                let same = "which is byte for byte the same as in the chapter before; delete the entry";
                self.is_same(from, path)?.then(|| same.to_owned())
            }
            Some(from) if from != path => None, // the declaration of the move is reported instead
            _ => Some(format!("which chapter {} does not contain; list it in `added`", self.before.number)),
        })
    }

    fn not_added(&self, path: &str) -> Option<String> {
        let is_old = self.existed(path) && self.after.changes.path_after(path) == Some(path);
        let old = || format!("which chapter {} contains too; list it in `changed`", self.before.number);
        if self.exists(path) { is_old.then(old) } else { Some(MISSING.to_owned()) }
    }

    fn not_removed(&self, path: &str, alternative: &str) -> Option<String> {
        let unknown = || {
            format!(
                "which chapter {} does not contain; correct the path, or delete the entry",
                self.before.number
            )
        };
        let still_exists = || format!("which still exists; delete the file, or {alternative}");
        if self.existed(path) { self.stayed(path).then(still_exists) } else { Some(unknown()) }
    }

    /// Finds files of the stage before that are missing without a declaration.
    fn undeclared_removals(&self) -> Vec<Violation> {
        let (number, manifest, changes) = (self.before.number, &self.after.manifest, &self.after.changes);
        let undeclared = |path: &&String| {
            changes.path_after(path) == Some(path) && !changes.changed.contains(path) && !self.stayed(path)
        };
        let report = |path: &String| {
            let reason = format!(
                "exists in chapter {number}, but is missing here, and {manifest} does not declare it; \
                list it in `removed` or `moved`, or copy it from {}",
                self.before.path_of(path)
            );
            Violation::new(self.after.path_of(path), reason)
        };
        self.before.files.paths.iter().filter(undeclared).map(report).collect()
    }

    /// Finds files that are new or changed without a declaration.
    fn undeclared_changes(&self) -> Result<Vec<Violation>> {
        let (number, manifest, changes) = (self.before.number, &self.after.manifest, &self.after.changes);
        let mut violations = Vec::new();
        for path in self.after.files.paths.iter().filter(|path| !changes.changed.contains(path)) {
            let reason = match changes.path_before(path) {
                Some(from) if self.existed(from) => {
                    if self.is_same(from, path)? {
                        continue;
                    }
                    format!(
                        "differs from {} of chapter {number}, but {manifest} does not declare it; list it in `changed`, \
                        or make both files the same (`just carry {number}` carries an uncommitted change forward)",
                        self.before.path_of(from)
                    )
                }
                Some(from) if from == path => format!(
                    "is new since chapter {number}, but {manifest} does not declare it; list it in `added`, or delete it"
                ),
                _ => continue, // it is declared, so `wrong_declarations` checks it
            };
            violations.push(Violation::new(self.after.path_of(path), reason));
        }
        Ok(violations)
    }
}
