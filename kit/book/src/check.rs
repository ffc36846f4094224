//! What a machine can say of the pages: that what they name is there, and that what they print is printed.

mod links;
mod names;

pub(crate) use names::recipes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use stage::Course;

use crate::{
    capture,
    directive::{self, Place},
    pages::Pages,
    render::render,
};

/// Folders with nothing of ours.
const SKIPPED: [&str; 3] = ["target", "node_modules", "work"];

/// A page as it is written.
struct Page {
    /// Its path from `book/src`.
    path: String,
    text: String,
}

/// Everything that is wrong with the book, a line or more each.
///
/// # Errors
/// A file cannot be read, the book not be rendered, or a command of a capture not be run.
pub fn everything(course: &Course) -> Result<Vec<String>> {
    let mut wrong = pages(course)?;
    if wrong.is_empty() {
        wrong.extend(capture::outdated(course)?);
    }
    Ok(wrong)
}

/// What is wrong with the pages: all that can be said without running a stage.
///
/// # Errors
/// As [`everything`].
pub fn pages(course: &Course) -> Result<Vec<String>> {
    let folder = Pages { course: course.clone() }.folder().join("src");
    let pages = written(&folder)?;
    let summary =
        fs::read_to_string(folder.join("SUMMARY.md")).context("book/src/SUMMARY.md cannot be read")?;
    let there = names::There::look(course)?;
    let mut wrong = Vec::new();
    for page in &pages {
        let mut tell = |line: usize, what: &str| wrong.push(format!("book/src/{}:{line}: {what}", page.path));
        if !is_listed(&summary, &page.path) {
            tell(1, "the page is not in SUMMARY.md, so it is not in the book");
        }
        for line in typed_rust(&page.text) {
            tell(
                line,
                "Rust is typed here; take it from a stage with {{#listing}}, so that it cannot become untrue",
            );
        }
        for (line, what) in there.wrong(&page.text) {
            tell(line, &what);
        }
    }
    let rendered = tempdir(course)?;
    let site = render(course, Some(&rendered))?;
    wrong.extend(links::dead(&site)?);
    wrong.extend(capture::outdated_pictures(course)?);
    Ok(wrong)
}

/// A folder to render into, which the next check uses again.
fn tempdir(course: &Course) -> Result<PathBuf> {
    let folder = course.run_dir().join("tests/book-checked");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

fn written(folder: &Path) -> Result<Vec<Page>> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let page = |file: &PathBuf| {
        let path = file.strip_prefix(folder).unwrap_or(file).display().to_string();
        Ok(Page { path, text: fs::read_to_string(file)? })
    };
    files.iter().map(page).collect()
}

/// All files below a folder, without what builds leave.
pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if !path.is_dir() {
            files.push(path);
        } else if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
            walk(&path, files);
        }
    }
}

/// Lines where a fence of Rust begins.
fn typed_rust(page: &str) -> impl Iterator<Item = usize> {
    let is_rust = |line: &str| {
        let languages = line.trim_start().trim_start_matches('`');
        languages.split([',', ' ', '{']).any(|language| ["rust", "rs"].contains(&language))
    };
    directive::lines(page)
        .filter(move |(_, line, place)| *place == Place::Opening && is_rust(line))
        .map(|(number, ..)| number)
}

/// Whether the table of contents has a page; who is not in it is not rendered.
fn is_listed(summary: &str, page: &str) -> bool {
    ["SUMMARY.md", "404.md"].contains(&page) || summary.contains(&format!("({page})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_rust_fence_is_found_and_other_code_is_not() {
        let lines = |page: &str| typed_rust(page).collect::<Vec<_>>();
        assert_eq!(lines("text\n```rust\nfn a() {}\n```\n\n```ignore,rust\n```\n"), [2, 6]);
        assert_eq!(lines("```sh\nrust\n```\ntext rust\n"), [0; 0]);
    }

    #[test]
    fn a_page_that_the_table_of_contents_has_not_is_found() {
        let summary = "- [Money](01-monolith/money.md)\n";
        assert!(is_listed(summary, "01-monolith/money.md") && is_listed(summary, "SUMMARY.md"));
        assert!(!is_listed(summary, "money.md"));
    }

    #[test]
    fn the_pages_of_this_book_are_right() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let wrong = pages(&course).unwrap();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}
