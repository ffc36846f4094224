//! `[changes]` in `chapter.toml`: the files in which a stage differs from the previous one.

use std::{collections::BTreeSet, str::FromStr};

use serde::Deserialize;

/// The declared difference. Paths are relative to the stage's workspace, with `/` between folders.
///
/// ```toml
/// [changes]
/// changed = ["shop/src/app.rs", "users/src/http.rs"]
/// added = ["users/Cargo.toml"]
/// removed = ["shop/src/users.rs"]
/// moved = ["shop/src/users/http.rs -> users/src/http.rs", "shop/src/users/token.rs -> users/src/token.rs"]
/// ```
///
/// A moved file is identical to the byte. A file that was moved *and* edited is listed in `moved` and, with its new path, in
/// `changed`, as `users/src/http.rs` above.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Files that exist in both stages, with different content.
    pub changed: Vec<String>,
    /// Files that do not exist in the previous stage.
    pub added: Vec<String>,
    /// Files of the previous stage that do not exist in this one.
    pub removed: Vec<String>,
    /// Files of the previous stage that have a new path in this one.
    pub moved: Vec<Move>,
}

/// A moved file, written `old/path -> new/path`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Move {
    /// Its path in the previous stage.
    pub from: String,
    /// Its path in this stage.
    pub to: String,
}

/// A move without an arrow.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a move; write \"old/path -> new/path\"")]
pub struct InvalidMove(String);

impl FromStr for Move {
    type Err = InvalidMove;

    fn from_str(text: &str) -> Result<Self, InvalidMove> {
        match text.split_once(" -> ") {
            Some((from, to)) => Ok(Self { from: from.to_owned(), to: to.to_owned() }),
            None => Err(InvalidMove(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Move {
    type Error = InvalidMove;

    fn try_from(text: String) -> Result<Self, InvalidMove> {
        text.parse()
    }
}

impl Changes {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The declared path in this stage of a file of the previous stage. None if it was removed.
    pub fn path_after<'a>(&'a self, before: &'a str) -> Option<&'a str> {
        let moved = self.moved.iter().find(|moved| moved.from == before).map(|moved| moved.to.as_str());
        let removed = self.removed.iter().any(|removed| removed == before);
        moved.or((!removed).then_some(before))
    }

    /// The declared path in the previous stage of a file of this stage. None if it was added.
    pub fn path_before<'a>(&'a self, after: &'a str) -> Option<&'a str> {
        let moved = self.moved.iter().find(|moved| moved.to == after).map(|moved| moved.from.as_str());
        let added = self.added.iter().any(|added| added == after);
        moved.or((!added).then_some(after))
    }

    /// Checks the declaration without looking at the files. An error has the key, and the reason with the remedy.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let moved_from = || self.moved.iter().map(|moved| &moved.from);
        let moved_to = || self.moved.iter().map(|moved| &moved.to);
        for path in
            moved_from().chain(moved_to()).chain(&self.changed).chain(&self.added).chain(&self.removed)
        {
            plain(path)?;
        }
        // A moved file may also have changed, and a new file may have the path of one that was moved away.
        let not_moved = |path: &&String| !moved_to().any(|to| to == *path);
        unique(self.removed.iter().chain(moved_from()).chain(self.changed.iter().filter(not_moved)))?;
        unique(self.added.iter().chain(moved_to()).chain(self.changed.iter().filter(not_moved)))?;
        unique(self.changed.iter())
    }
}

/// Accepts a path only in the form that `git ls-files` prints.
fn plain(path: &str) -> Result<(), (&'static str, String)> {
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if path.contains('\\') || path.contains(" -> ") || path.trim() != path || path.split('/').any(odd) {
        let reason = "is not a path within the workspace; write it as in \"shop/src/app.rs\"";
        return Err(("changes", format!("contains \"{path}\", which {reason}")));
    }
    Ok(())
}

fn unique<'a>(paths: impl Iterator<Item = &'a String>) -> Result<(), (&'static str, String)> {
    let mut seen = BTreeSet::new();
    for path in paths {
        if !seen.insert(path) {
            let reason =
                "declare each file once; only a moved file may also be in `changed`, with its new path";
            return Err(("changes", format!("declares \"{path}\" twice; {reason}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Changes {
        toml::from_str(text).unwrap()
    }

    fn error_of(text: &str) -> String {
        parse(text).check().unwrap_err().1
    }

    #[test]
    fn a_moved_file_is_followed_forwards_and_backwards() {
        let changes = parse("moved = [\"a -> b\"]\nadded = [\"a\"]\nremoved = [\"c\"]\nchanged = [\"b\"]");
        changes.check().unwrap();
        assert_eq!(["a", "c", "d"].map(|path| changes.path_after(path)), [Some("b"), None, Some("d")]);
        assert_eq!(["a", "b", "d"].map(|path| changes.path_before(path)), [None, Some("a"), Some("d")]);
    }

    #[test]
    fn a_file_is_declared_only_once() {
        for text in [
            "added = [\"x\", \"x\"]",
            "added = [\"x\"]\nchanged = [\"x\"]",
            "removed = [\"x\"]\nchanged = [\"x\"]",
            "moved = [\"x -> y\"]\nremoved = [\"x\"]",
            "moved = [\"a -> x\"]\nadded = [\"x\"]",
            "moved = [\"x -> a\", \"x -> b\"]",
            "moved = [\"x -> a\"]\nchanged = [\"x\"]",
        ] {
            assert!(error_of(text).contains("declares \"x\" twice"), "{text}");
        }
    }

    #[test]
    fn a_path_is_relative_to_the_workspace() {
        for path in ["/etc/passwd", "./a", "a/../b", "a//b", "a/", " a", "a\\\\b"] {
            assert!(
                error_of(&format!("added = [\"{path}\"]")).contains("not a path within the workspace"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_move_without_an_arrow_is_an_error_that_shows_the_syntax() {
        let error = toml::from_str::<Changes>("moved = [\"a b\"]").unwrap_err().to_string();
        assert!(error.contains("\"a b\" is not a move; write \"old/path -> new/path\""), "{error}");
    }
}
