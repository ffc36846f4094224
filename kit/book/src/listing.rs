//! `{{#listing CHAPTER PATH [ITEM …] [elide "FROM" until "UNTIL"] …}}`: items of a stage's file, with its path as the caption.
//! A file that belongs to no stage is listed with `course` in place of the chapter, and its path from the root.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use stage::{Chapter, Course};

use crate::{directive, source};

/// The lines that a reader can take in at once. A longer item has to elide some, and the listing shows where.
pub const LINES: usize = 25;

/// The arguments of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    path: &'a str,
    items: Vec<&'a str>,
    elided: Vec<(&'a str, &'a str)>,
}

/// The listing as Markdown.
///
/// # Errors
/// The file, an item or a line to elide does not exist, or the listing is too long.
pub fn listing(course: &Course, words: &[String]) -> Result<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let [chapter, rest @ ..] = words.as_slice() else { bail!("`listing` needs a chapter and a path") };
    let wanted = Wanted::parse(rest)?;
    let file = if *chapter == "course" {
        course.root.join(wanted.path)
    } else {
        file(&directive::chapter(course, chapter)?, wanted.path)?
    };
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let shown = wanted.cut(&text).with_context(|| wanted.path.to_owned())?;
    let caption = file.strip_prefix(&course.root).unwrap_or(&file).display().to_string();
    Ok(figure("listing", &format!("<code>{caption}</code>"), language(&file), &shown))
}

/// A file of a stage, in its workspace or in its chapter's folder, where the manifest is.
///
/// # Errors
/// It is in neither folder.
pub fn file(chapter: &Chapter, path: &str) -> Result<PathBuf> {
    let places = [chapter.workspace().join(path), chapter.folder.join(path)];
    let found = places.into_iter().find(|place| place.is_file());
    let found = found.with_context(|| format!("chapter {} has no file {path}", chapter.manifest.number))?;
    Ok(found.canonicalize()?)
}

impl<'a> Wanted<'a> {
    fn parse(words: &[&'a str]) -> Result<Self> {
        let [path, rest @ ..] = words else { bail!("`listing` needs a path") };
        let items = rest.iter().take_while(|word| **word != "elide").copied().collect::<Vec<_>>();
        let mut elided = Vec::new();
        let mut rest = &rest[items.len()..];
        while let ["elide", from, "until", until, more @ ..] = rest {
            elided.push((*from, *until));
            rest = more;
        }
        ensure!(rest.is_empty(), "write the lines to leave out as: elide \"FROM\" until \"UNTIL\"");
        Ok(Self { path, items, elided })
    }

    /// The lines to show: the items without their common indentation, separated by blank lines.
    fn cut(&self, text: &str) -> Result<String> {
        let lines: Vec<_> = text.lines().collect();
        let mut parts = Vec::new();
        for item in &self.items {
            parts.push(dedented(&lines[source::find(text, item)?]));
        }
        if self.items.is_empty() {
            parts.push(lines.iter().map(|line| (*line).to_owned()).collect());
        }
        let mut shown = parts.join(&String::new());
        for (from, until) in &self.elided {
            shown = elide(&shown, from, until, comment(Path::new(self.path)))?;
        }
        let count = shown.len();
        ensure!(
            count <= LINES,
            "the listing has {count} lines and may have {LINES}: leave some out with elide \"FROM\" until \"UNTIL\""
        );
        Ok(shown.join("\n"))
    }
}

fn dedented(lines: &[&str]) -> Vec<String> {
    let depth = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
    lines.iter().map(|line| line.get(depth..).unwrap_or_default().to_owned()).collect()
}

/// Leaves out the lines from the one that begins with `from` up to, not including, the next one that begins with `until`.
fn elide(lines: &[String], from: &str, until: &str, comment: &str) -> Result<Vec<String>> {
    let begins = |text: &str| lines.iter().position(|line| line.trim_start().starts_with(text));
    let first = begins(from).with_context(|| format!("no line begins with {from:?}"))?;
    let indentation = lines[first].len() - lines[first].trim_start().len();
    let last = lines[first..].iter().position(|line| line.trim_start().starts_with(until));
    let last = first + last.with_context(|| format!("no line after {from:?} begins with {until:?}"))?;
    let mark = format!("{}{comment} …", " ".repeat(indentation));
    Ok([&lines[..first], &[mark], &lines[last..]].concat())
}

fn comment(path: &Path) -> &'static str {
    match language(path) {
        "rust" => "//",
        "sql" => "--",
        _ => "#",
    }
}

/// The highlighter's name for the language of a file.
pub fn language(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => "rust",
        Some("sql") => "sql",
        Some("toml") => "toml",
        Some("yaml") => "yaml",
        _ => "text",
    }
}

/// Text in a fence below a caption. `caption` is HTML.
pub fn figure(class: &str, caption: &str, language: &str, text: &str) -> String {
    format!(
        "\n<figure class=\"{class}\">\n<figcaption>{caption}</figcaption>\n\n````{language}\n{text}\n````\n\n</figure>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(words: &[&str], text: &str) -> Result<String> {
        Wanted::parse(words)?.cut(text)
    }

    #[test]
    fn a_listing_over_25_lines_is_an_error_unless_lines_are_elided() {
        let body: Vec<_> = (0..30).map(|n| format!("    step({n});")).collect();
        let code = format!("fn long() {{\n{}\n}}\n", body.join("\n"));
        let error = cut(&["a.rs", "long"], &code).unwrap_err().to_string();
        assert!(error.contains("32 lines") && error.contains("elide"), "{error}");
        let shown = cut(&["a.rs", "long", "elide", "step(1)", "until", "step(29)"], &code).unwrap();
        assert_eq!(shown, "fn long() {\n    step(0);\n    // …\n    step(29);\n}");
    }

    #[test]
    fn items_are_shown_without_their_common_indentation() {
        let code = "impl A {\n    fn a() {\n        1\n    }\n\n    fn b() {}\n}\n";
        assert_eq!(cut(&["a.rs", "b", "A::a"], code).unwrap(), "fn b() {}\n\nfn a() {\n    1\n}");
    }

    #[test]
    fn eliding_a_line_that_does_not_exist_is_an_error() {
        let error = cut(&["a.rs", "a", "elide", "x", "until", "}"], "fn a() {\n}\n").unwrap_err();
        assert!(error.to_string().contains("no line begins with \"x\""), "{error}");
        assert!(cut(&["a.rs", "a", "elide", "x"], "fn a() {}\n").is_err());
    }
}
