//! One file, three ways: what it was, what it became, and what the later stage has in its place.

use similar::{ConflictStyle, TextMerge};

use crate::files::{version_of, with_version};

/// The three versions of a file. None: it is not there.
#[derive(Debug, Clone, Copy)]
pub struct Three<'a> {
    /// In the earlier stage, before the change.
    pub base: Option<&'a [u8]>,
    /// In the earlier stage, with the change.
    pub theirs: Option<&'a [u8]>,
    /// In the later stage.
    pub ours: Option<&'a [u8]>,
}

/// What becomes of the later stage's file.
#[derive(Debug, PartialEq, Eq)]
pub enum Merged {
    /// It says already what it should.
    Same,
    /// It is written, and nobody has to look.
    Written(Vec<u8>),
    /// It is deleted.
    Deleted,
    /// It is written with conflict markers, so many.
    Marked(Vec<u8>, usize),
    /// It is left as it is, and this is why.
    Left(&'static str),
}

/// Merges line by line.
pub fn merge(three: Three<'_>, earlier: u32, later: u32) -> Merged {
    let Three { base, theirs, ours } = three;
    match (base, theirs, ours) {
        _ if theirs == ours => Merged::Same,
        (_, Some(theirs), _) if ours == base => Merged::Written(theirs.to_owned()),
        (_, None, _) if ours == base => Merged::Deleted,
        (_, None, _) => Merged::Left(
            "is deleted there, and here it is another: delete it, or keep it declared as `added`",
        ),
        (_, _, None) => Merged::Left("is gone here, and nothing says so: declare it in `removed` or `moved`"),
        (_, Some(theirs), Some(ours)) => {
            let texts = [base.unwrap_or_default(), ours, theirs].map(|bytes| std::str::from_utf8(bytes).ok());
            let [Some(base), Some(ours), Some(theirs)] = texts else {
                return Merged::Left("is not text, and differs: copy the one that is right");
            };
            lines(base, ours, theirs, earlier, later)
        }
    }
}

fn lines(base: &str, ours: &str, theirs: &str, earlier: u32, later: u32) -> Merged {
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
        0 if text == ours.as_bytes() => Merged::Same,
        0 => Merged::Written(text),
        conflicts => Merged::Marked(text, conflicts),
    }
}

/// A workspace's manifest with the version of another one, so that the version is no difference between them.
pub fn level(manifest: Vec<u8>, like: &[u8]) -> Vec<u8> {
    let texts = (std::str::from_utf8(&manifest), std::str::from_utf8(like));
    match texts {
        (Ok(text), Ok(like)) => match version_of(like) {
            Some(version) => with_version(text, version).into_bytes(),
            None => manifest,
        },
        _ => manifest,
    }
}

/// Whether a merge with conflicts was left in a file.
pub fn is_marked(content: &[u8]) -> bool {
    content.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<< chapter "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: Option<&str>, theirs: Option<&str>, ours: Option<&str>) -> Merged {
        let [base, theirs, ours] = [base, theirs, ours].map(|text| text.map(str::as_bytes));
        merge(Three { base, theirs, ours }, 1, 2)
    }

    fn written(text: &str) -> Merged {
        Merged::Written(text.as_bytes().to_vec())
    }

    #[test]
    fn both_changes_are_kept_where_they_do_not_meet() {
        let merged = of(Some("a\nb\nc\nd\n"), Some("A\nb\nc\nd\n"), Some("a\nb\nc\nD\n"));
        assert_eq!(merged, written("A\nb\nc\nD\n"));
    }

    #[test]
    fn a_change_that_is_there_already_is_nothing_to_do() {
        assert_eq!(of(Some("a\n"), Some("b\n"), Some("b\n")), Merged::Same);
        assert_eq!(of(Some("a\nx\ny\n"), Some("b\nx\ny\n"), Some("b\nx\nz\n")), Merged::Same);
        assert_eq!(of(Some("a\n"), None, None), Merged::Same);
    }

    #[test]
    fn an_untouched_file_follows_whatever_the_change_was() {
        assert_eq!(of(Some("a"), Some("b"), Some("a")), written("b"));
        assert_eq!(of(None, Some("new"), None), written("new"));
        assert_eq!(of(Some("a"), None, Some("a")), Merged::Deleted);
    }

    #[test]
    fn where_both_changed_all_three_texts_stand_between_markers() {
        let Merged::Marked(text, 1) = of(Some("a\n"), Some("b\n"), Some("c\n")) else {
            panic!("no conflict")
        };
        let text = String::from_utf8(text).unwrap();
        let lines = ["<<<<<<< chapter 2", "c", "||||||| chapter 1, committed", "a", "=======", "b"];
        assert_eq!(text.lines().collect::<Vec<_>>(), [&lines[..], &[">>>>>>> chapter 1, changed"]].concat());
        assert!(is_marked(text.as_bytes()));
    }

    #[test]
    fn what_cannot_be_merged_is_left_as_it_is() {
        assert!(matches!(of(Some("a"), None, Some("b")), Merged::Left(_)));
        assert!(matches!(of(Some("a"), Some("b"), None), Merged::Left(_)));
        let three = Three { base: Some(b"a"), theirs: Some(b"\xff"), ours: Some(b"b") };
        assert!(matches!(merge(three, 1, 2), Merged::Left(_)));
    }
}
