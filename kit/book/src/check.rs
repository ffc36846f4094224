//! What a machine can say of the pages: that what they name is there, and that what they print is printed.

mod links;
mod names;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use stage::Course;

use crate::{capture, directive, pages::Pages, render::render};

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
        if !summary.contains(&format!("({})", page.path)) && page.path != "SUMMARY.md" {
            tell(1, "the page is not in SUMMARY.md, so nobody finds it");
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
fn typed_rust(page: &str) -> Vec<usize> {
    let opens_rust = |line: &str| {
        let language = line.trim_start().trim_start_matches('`');
        language.starts_with("rust") || language.split([',', ' ']).any(|word| word == "rs")
    };
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line, fenced) in directive::lines(page) {
        if fenced && !inside && opens_rust(line) {
            found.push(number);
        }
        inside = fenced && (!line.trim_start().starts_with("```") || !inside);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_rust_fence_is_found_and_other_code_is_not() {
        assert_eq!(typed_rust("text\n```rust\nfn a() {}\n```\n\n```rust,ignore\n```\n"), [2, 6]);
        assert_eq!(typed_rust("```sh\nrust\n```\ntext rust\n"), [0; 0]);
    }

    #[test]
    fn the_pages_of_this_book_are_right() {
        let course = Course::around(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let wrong = pages(&course).unwrap();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}
