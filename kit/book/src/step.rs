//! What a chapter changed.
//!
//! `{{#diff OLD NEW PATH [ITEM]}}` is the diff of a file or of an item in it. `PATH` is the path in the new chapter; a move that the
//! chapter declares is followed, and any other is written `OLD_PATH -> PATH`. `{{#changes N}}` is the table of all changed files.

use anyhow::{Context, Result, bail, ensure};
use similar::{ChangeTag, TextDiff};
use stage::{Chapter, Course, changes::Changes};

use crate::{
    directive::chapter,
    listing::{LINES, figure, file},
    source,
};

/// The diff as Markdown.
///
/// # Errors
/// A file or the item does not exist, nothing has changed, or the diff is too long.
pub fn diff(course: &Course, words: &[String]) -> Result<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (old, new, from, to, item) = match words.as_slice() {
        [old, new, from, "->", to, item @ ..] => {
            (chapter(course, old)?, chapter(course, new)?, Some(*from), *to, item)
        }
        [old, new, path, item @ ..] => (chapter(course, old)?, chapter(course, new)?, None, *path, item),
        _ => bail!("`diff` needs two chapters and a path"),
    };
    let from = from
        .or_else(|| new.manifest.changes.path_before(to))
        .with_context(|| format!("{to} is new in this chapter: use `listing`"))?;
    let item = match item {
        [] => None,
        [item] => Some(*item),
        _ => bail!("a diff shows at most one item"),
    };
    let text = |chapter: &Chapter, path: &str| {
        let text = std::fs::read_to_string(file(chapter, path)?)?;
        part(&text, item).with_context(|| format!("{path} of chapter {}", chapter.manifest.number))
    };
    let changed = hunks(&text(&old, from)?, &text(&new, to)?)?;
    let path = if from == to {
        format!("<code>{to}</code>")
    } else {
        format!("<code>{from}</code> → <code>{to}</code>")
    };
    let caption = format!("{path}, chapter {} → {}", old.manifest.number, new.manifest.number);
    Ok(figure("listing step", &caption, "diff", &changed))
}

/// The table of all files that a chapter changes, adds or removes, as its manifest declares them.
///
/// # Errors
/// The chapter does not exist, or a declared file cannot be read.
pub fn changes(course: &Course, words: &[String]) -> Result<String> {
    let [number] = words else { bail!("`changes` needs a chapter") };
    let new = chapter(course, number)?;
    let old = course.chapter(new.manifest.number.saturating_sub(1))?;
    let changes = &new.manifest.changes;
    let read = |chapter: &Chapter, path: &str| -> Result<String> {
        let path = file(chapter, path)?;
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let mut rows = vec!["| | file | lines |\n| --- | --- | --- |".to_owned()];
    let mut row = |what: &str, path: &str, old: &str, new: &str| {
        rows.push(format!("| {what} | `{path}` | {} |", counted(old, new)));
    };
    for path in &changes.changed {
        let from = changes.path_before(path).unwrap_or(path);
        row("changed", path, &read(&old, from)?, &read(&new, path)?);
    }
    for path in &changes.added {
        row("added", path, "", &read(&new, path)?);
    }
    for path in &changes.removed {
        row("removed", path, &read(&old, path)?, "");
    }
    Ok(format!("\n<div class=\"changes\">\n\n{}\n\n</div>\n{}", rows.join("\n"), moved(changes)))
}

/// The files that moved without a change, folded, because there are many of them.
fn moved(changes: &Changes) -> String {
    // A file that was moved and edited is in the table.
    let same = changes.moved.iter().filter(|way| !changes.changed.contains(&way.to));
    let ways: Vec<_> = same.map(|way| format!("- `{}` → `{}`", way.from, way.to)).collect();
    if ways.is_empty() {
        return String::new();
    }
    let (count, ways) = (ways.len(), ways.join("\n"));
    format!("\n<details>\n<summary>Files that only moved: {count}</summary>\n\n{ways}\n\n</details>\n")
}

/// The numbers of added and removed lines.
fn counted(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    match (count(ChangeTag::Insert), count(ChangeTag::Delete)) {
        (added, 0) => format!("+{added}"),
        (0, removed) => format!("−{removed}"),
        (added, removed) => format!("+{added} −{removed}"),
    }
}

fn part(text: &str, item: Option<&str>) -> Result<String> {
    let Some(item) = item else { return Ok(text.to_owned()) };
    let lines: Vec<_> = text.lines().collect();
    let lines = &lines[source::find(text, item)?];
    Ok(lines.join("\n") + "\n")
}

/// The changed lines with two lines of context.
fn hunks(old: &str, new: &str) -> Result<String> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for hunk in diff.grouped_ops(2) {
        if !lines.is_empty() {
            lines.push("…".to_owned());
        }
        let changes = hunk.iter().flat_map(|op| diff.iter_changes(op));
        lines.extend(changes.map(|change| format!("{}{}", change.tag(), change.value().trim_end())));
    }
    let count = lines.len();
    ensure!(count > 0, "nothing has changed");
    ensure!(count <= LINES, "the diff has {count} lines and may have {LINES}: show one item of the file");
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_two_lines_of_context() {
        let old = "a\nb\nc\nd\ne\nf\n";
        assert_eq!(hunks(old, &old.replace('d', "x")).unwrap(), " b\n c\n-d\n+x\n e\n f");
    }

    #[test]
    fn an_empty_diff_and_a_long_diff_are_errors() {
        assert_eq!(hunks("a\n", "a\n").unwrap_err().to_string(), "nothing has changed");
        assert!(hunks("", &"new\n".repeat(26)).unwrap_err().to_string().contains("26 lines"));
    }

    #[test]
    fn the_declared_changes_of_a_chapter_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join("chapters").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let manifest = "title = \"T\"\nminutes = { read = 1, build = 1, exercises = 1 }\n";
        let changes = "[changes]\nchanged = [\"b.rs\"]\nadded = [\"c.rs\"]\nmoved = [\"a.rs -> b.rs\", \"x.rs -> y.rs\"]\n";
        write("01-one/chapter.toml", &format!("number = 1\n{manifest}[[process]]\nservice = \"s\"\n"));
        write(
            "02-two/chapter.toml",
            &format!("number = 2\n{manifest}[[process]]\nservice = \"s\"\n{changes}"),
        );
        write("01-one/a.rs", "fn f() {\n    1\n}\nfn g() {}\n");
        write("02-two/b.rs", "fn f() {\n    2\n}\nfn g() {}\n");
        write("02-two/c.rs", "fn c() {}\n");
        let course = Course { root: folder.path().canonicalize().unwrap() };

        let table = super::changes(&course, &["2".to_owned()]).unwrap();
        for row in ["| changed | `b.rs` | +1 −1 |", "| added | `c.rs` | +1 |", "- `x.rs` → `y.rs`"] {
            assert!(table.contains(row), "{row} is not in {table}");
        }
        assert!(table.contains("Files that only moved: 1"), "{table}");
        let words = ["1", "2", "b.rs", "f"].map(str::to_owned);
        let shown = diff(&course, &words).unwrap();
        assert!(
            shown.contains("-    1\n+    2\n") && shown.contains("<code>a.rs</code> → <code>b.rs</code>"),
            "{shown}"
        );
        assert!(!shown.contains("fn g"), "{shown}");
    }
}
