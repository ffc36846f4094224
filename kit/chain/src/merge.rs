//! Three-way merge of one file: its committed version and its changed version in the earlier stage, and its version in the
//! later stage.

use similar::{ConflictStyle, TextMerge};

use crate::files::{version_of, with_version};

/// The three versions of a file. `None` means that the file does not exist.
#[derive(Debug, Clone, Copy)]
pub struct MergeInput<'a> {
    /// In the earlier stage, before the change.
    pub base: Option<&'a [u8]>,
    /// In the earlier stage, with the change.
    pub theirs: Option<&'a [u8]>,
    /// In the later stage.
    pub ours: Option<&'a [u8]>,
}

/// The result of a merge for the file of the later stage.
#[derive(Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The file already contains the change.
    Unchanged,
    /// The change was merged without a conflict; this is the new content.
    Merged(Vec<u8>),
    /// The file is deleted.
    Deleted,
    /// The new content contains conflict markers, for this number of conflicts.
    Conflicted(Vec<u8>, usize),
    /// The file cannot be merged and stays as it is. The text tells the author why, and what to do.
    Unmergeable(&'static str),
}

/// Merges line by line.
pub fn merge(input: MergeInput<'_>, earlier: u32, later: u32) -> MergeOutcome {
    let MergeInput { base, theirs, ours } = input;
    match (base, theirs, ours) {
        _ if theirs == ours => MergeOutcome::Unchanged,
        (_, Some(theirs), _) if ours == base => MergeOutcome::Merged(theirs.to_owned()),
        (_, None, _) if ours == base => MergeOutcome::Deleted,
        (_, None, _) => MergeOutcome::Unmergeable(
            "deleted in the earlier chapter, but changed here: delete it, or keep it and declare it as `added`",
        ),
        (_, _, None) => {
            MergeOutcome::Unmergeable("missing here, but not declared: declare it in `removed` or `moved`")
        }
        (_, Some(theirs), Some(ours)) => {
            let texts = [base.unwrap_or_default(), ours, theirs].map(|bytes| std::str::from_utf8(bytes).ok());
            let [Some(base), Some(ours), Some(theirs)] = texts else {
                return MergeOutcome::Unmergeable(
                    "a binary file that differs: copy the correct version by hand",
                );
            };
            merge_lines(base, ours, theirs, earlier, later)
        }
    }
}

fn merge_lines(base: &str, ours: &str, theirs: &str, earlier: u32, later: u32) -> MergeOutcome {
    let mut merge = TextMerge::from_lines(base, ours, theirs);
    let earlier = format!("chapter {earlier}");
    merge.conflict_style(ConflictStyle::Diff3);
    merge.labels(
        &format!("{earlier}, committed"),
        &format!("chapter {later}"),
        &format!("{earlier}, changed"),
    );
    let text = merge.to_string().into_bytes();
    match merge.conflict_count() {
        0 if text == ours.as_bytes() => MergeOutcome::Unchanged,
        0 => MergeOutcome::Merged(text),
        conflicts => MergeOutcome::Conflicted(text, conflicts),
    }
}

/// Replaces the version in a manifest by the version in another one, so that the merge ignores it.
pub fn with_version_of(manifest: Vec<u8>, other: &[u8]) -> Vec<u8> {
    let texts = (std::str::from_utf8(&manifest), std::str::from_utf8(other));
    match texts {
        (Ok(text), Ok(other)) => match version_of(other) {
            Some(version) => with_version(text, version).into_bytes(),
            None => manifest,
        },
        _ => manifest,
    }
}

/// Whether a file contains conflict markers of [`merge`].
pub fn has_conflict_markers(content: &[u8]) -> bool {
    content.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<< chapter "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge_of(base: Option<&str>, theirs: Option<&str>, ours: Option<&str>) -> MergeOutcome {
        let [base, theirs, ours] = [base, theirs, ours].map(|text| text.map(str::as_bytes));
        merge(MergeInput { base, theirs, ours }, 1, 2)
    }

    fn merged(text: &str) -> MergeOutcome {
        MergeOutcome::Merged(text.as_bytes().to_vec())
    }

    #[test]
    fn changes_of_different_lines_are_both_kept() {
        let outcome = merge_of(Some("a\nb\nc\nd\n"), Some("A\nb\nc\nd\n"), Some("a\nb\nc\nD\n"));
        assert_eq!(outcome, merged("A\nb\nc\nD\n"));
    }

    #[test]
    fn a_file_that_already_contains_the_change_is_unchanged() {
        assert_eq!(merge_of(Some("a\n"), Some("b\n"), Some("b\n")), MergeOutcome::Unchanged);
        let outcome = merge_of(Some("a\nx\ny\n"), Some("b\nx\ny\n"), Some("b\nx\nz\n"));
        assert_eq!(outcome, MergeOutcome::Unchanged);
        assert_eq!(merge_of(Some("a\n"), None, None), MergeOutcome::Unchanged);
    }

    #[test]
    fn a_file_that_is_the_same_in_both_chapters_gets_the_change() {
        assert_eq!(merge_of(Some("a"), Some("b"), Some("a")), merged("b"));
        assert_eq!(merge_of(None, Some("new"), None), merged("new"));
        assert_eq!(merge_of(Some("a"), None, Some("a")), MergeOutcome::Deleted);
    }

    #[test]
    fn a_conflict_shows_all_three_versions_between_markers() {
        let MergeOutcome::Conflicted(text, 1) = merge_of(Some("a\n"), Some("b\n"), Some("c\n")) else {
            panic!("no conflict")
        };
        let text = String::from_utf8(text).unwrap();
        let lines = ["<<<<<<< chapter 2", "c", "||||||| chapter 1, committed", "a", "=======", "b"];
        assert_eq!(text.lines().collect::<Vec<_>>(), [&lines[..], &[">>>>>>> chapter 1, changed"]].concat());
        assert!(has_conflict_markers(text.as_bytes()));
    }

    #[test]
    fn a_deleted_or_binary_file_with_changes_on_both_sides_is_unmergeable() {
        assert!(matches!(merge_of(Some("a"), None, Some("b")), MergeOutcome::Unmergeable(_)));
        assert!(matches!(merge_of(Some("a"), Some("b"), None), MergeOutcome::Unmergeable(_)));
        let input = MergeInput { base: Some(b"a"), theirs: Some(b"\xff"), ours: Some(b"b") };
        assert!(matches!(merge(input, 1, 2), MergeOutcome::Unmergeable(_)));
    }
}
