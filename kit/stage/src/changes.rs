//! `[changes]` of a `chapter.toml`: in which files a stage differs from the one before.

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
/// A moved file is the same to the byte. One that was moved *and* edited stands in `moved` and, by its new path, in
/// `changed`, as `users/src/http.rs` does above.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Files that are there before and after, with different content.
    pub changed: Vec<String>,
    /// Files that the stage before does not have.
    pub added: Vec<String>,
    /// Files of the stage before that are gone.
    pub removed: Vec<String>,
    /// Files of the stage before that are elsewhere.
    pub moved: Vec<Move>,
}

/// One file's way, written `old/path -> new/path`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Move {
    /// Where it is in the stage before.
    pub from: String,
    /// Where it is in this one.
    pub to: String,
}

/// Not a move.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no move; write \"old/path -> new/path\"")]
pub struct NoMove(String);

impl FromStr for Move {
    type Err = NoMove;

    fn from_str(text: &str) -> Result<Self, NoMove> {
        match text.split_once(" -> ") {
            Some((from, to)) => Ok(Self { from: from.to_owned(), to: to.to_owned() }),
            None => Err(NoMove(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Move {
    type Error = NoMove;

    fn try_from(text: String) -> Result<Self, NoMove> {
        text.parse()
    }
}

impl Changes {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Where a file of the stage before is in this one, as declared. None: it is gone.
    pub fn came_to<'a>(&'a self, before: &'a str) -> Option<&'a str> {
        let moved = self.moved.iter().find(|moved| moved.from == before).map(|moved| moved.to.as_str());
        let removed = self.removed.iter().any(|removed| removed == before);
        moved.or((!removed).then_some(before))
    }

    /// Where a file of this stage was in the one before, as declared. None: it is new.
    pub fn came_from<'a>(&'a self, after: &'a str) -> Option<&'a str> {
        let moved = self.moved.iter().find(|moved| moved.to == after).map(|moved| moved.from.as_str());
        let added = self.added.iter().any(|added| added == after);
        moved.or((!added).then_some(after))
    }

    /// What is wrong whatever the files are: the key, and the reason with the remedy.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let moved_from = || self.moved.iter().map(|moved| &moved.from);
        let moved_to = || self.moved.iter().map(|moved| &moved.to);
        for path in
            moved_from().chain(moved_to()).chain(&self.changed).chain(&self.added).chain(&self.removed)
        {
            plain(path)?;
        }
        // A moved file may have changed; and where a file went away, another may have come.
        let stays = |path: &&String| !moved_to().any(|to| to == *path);
        unique(self.removed.iter().chain(moved_from()).chain(self.changed.iter().filter(stays)))?;
        unique(self.added.iter().chain(moved_to()).chain(self.changed.iter().filter(stays)))?;
        unique(self.changed.iter())
    }
}

/// A path as `git ls-files` prints it.
fn plain(path: &str) -> Result<(), (&'static str, String)> {
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if path.contains('\\') || path.contains(" -> ") || path.trim() != path || path.split('/').any(odd) {
        let reason = "is no file of the workspace; write its path from there, as in \"shop/src/app.rs\"";
        return Err(("changes", format!("has \"{path}\", which {reason}")));
    }
    Ok(())
}

fn unique<'a>(paths: impl Iterator<Item = &'a String>) -> Result<(), (&'static str, String)> {
    let mut seen = BTreeSet::new();
    for path in paths {
        if !seen.insert(path) {
            let reason = "declare each file once; only a moved file may be in `changed` too, by its new path";
            return Err(("changes", format!("says two things of \"{path}\"; {reason}")));
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

    fn complaint(text: &str) -> String {
        parse(text).check().unwrap_err().1
    }

    #[test]
    fn a_moved_file_is_followed_forwards_and_backwards() {
        let changes = parse("moved = [\"a -> b\"]\nadded = [\"a\"]\nremoved = [\"c\"]\nchanged = [\"b\"]");
        changes.check().unwrap();
        assert_eq!(["a", "c", "d"].map(|path| changes.came_to(path)), [Some("b"), None, Some("d")]);
        assert_eq!(["a", "b", "d"].map(|path| changes.came_from(path)), [None, Some("a"), Some("d")]);
    }

    #[test]
    fn of_a_file_only_one_thing_can_be_declared() {
        for text in [
            "added = [\"x\", \"x\"]",
            "added = [\"x\"]\nchanged = [\"x\"]",
            "removed = [\"x\"]\nchanged = [\"x\"]",
            "moved = [\"x -> y\"]\nremoved = [\"x\"]",
            "moved = [\"a -> x\"]\nadded = [\"x\"]",
            "moved = [\"x -> a\", \"x -> b\"]",
            "moved = [\"x -> a\"]\nchanged = [\"x\"]",
        ] {
            assert!(complaint(text).contains("two things of \"x\""), "{text}");
        }
    }

    #[test]
    fn a_path_is_written_from_the_workspace() {
        for path in ["/etc/passwd", "./a", "a/../b", "a//b", "a/", " a", "a\\\\b"] {
            assert!(
                complaint(&format!("added = [\"{path}\"]")).contains("no file of the workspace"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_move_without_an_arrow_says_how_it_is_written() {
        let error = toml::from_str::<Changes>("moved = [\"a b\"]").unwrap_err().to_string();
        assert!(error.contains("\"a b\" is no move; write \"old/path -> new/path\""), "{error}");
    }
}
