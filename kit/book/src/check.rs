//! Checks the pages: the files and commands that they name exist, and the output that they show is what the commands print.

mod names;

pub(crate) use names::recipes;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context, Result};
use regex::Regex;
use stage::Course;

use crate::{
    capture,
    directive::{self, Place},
    notice,
    pages::Pages,
    render::render,
};

/// Folders that contain no file of the course.
const SKIPPED: [&str; 3] = ["target", "node_modules", "work"];

/// A page with its directives, as it is in the file.
struct Page {
    /// Its path from `book/src`.
    path: String,
    text: String,
}

/// All errors in the book, each as one or more lines.
///
/// # Errors
/// A file cannot be read, the book cannot be rendered, or a command of a capture cannot be run.
pub fn everything(course: &Course) -> Result<Vec<String>> {
    let mut wrong = pages(course)?;
    if wrong.is_empty() {
        wrong.extend(capture::outdated(course)?);
    }
    Ok(wrong)
}

/// The errors in the pages that can be found without running a stage.
///
/// # Errors
/// As [`everything`].
pub fn pages(course: &Course) -> Result<Vec<String>> {
    let folder = Pages { course: course.clone() }.folder().join("src");
    let pages = written(&folder)?;
    let summary =
        fs::read_to_string(folder.join("SUMMARY.md")).context("book/src/SUMMARY.md cannot be read")?;
    let names = names::Names::read(course)?;
    let mut wrong = Vec::new();
    for page in &pages {
        let mut report =
            |line: usize, what: &str| wrong.push(format!("book/src/{}:{line}: {what}", page.path));
        if !is_listed(&summary, &page.path) {
            report(1, "the page is not in SUMMARY.md, so it is not in the book");
        }
        if page.path != "SUMMARY.md" && notice::is_missing(&page.text) {
            report(1, "readers of the Markdown file need a notice here; write it: just book --notice");
        }
        for line in typed_rust(&page.text) {
            report(
                line,
                "Rust is typed here; take it from a stage with {{#listing}}, so that it follows the code",
            );
        }
        for (line, figure) in typed_figures(&page.text) {
            report(
                line,
                &format!(
                    "\"{figure}\" is typed here; count it with a directive, or show the output that contains it"
                ),
            );
        }
        for (line, what) in names.unknown(&page.text) {
            report(line, &what);
        }
    }
    wrong.extend(dead_links(course, &pages));
    render(course, Some(&folder_to_check(course)?))?;
    wrong.extend(capture::outdated_pictures(course)?);
    Ok(wrong)
}

/// Broken links of the pages, including the links that directives insert.
fn dead_links(course: &Course, pages: &[Page]) -> Vec<String> {
    let expander = Pages { course: course.clone() };
    let mut documents = BTreeMap::new();
    for page in pages {
        // A directive that cannot be followed is reported when the book is rendered.
        let text = expander.expand(&page.text).unwrap_or_else(|_| page.text.clone());
        documents.insert(PathBuf::from("book/src").join(&page.path), text);
    }
    let dead = prose::links::dead(&course.root, &documents);
    dead.iter().map(|link| format!("{}: {} leads nowhere", link.path.display(), link.target)).collect()
}

/// The folder to render into; every check uses the same one.
fn folder_to_check(course: &Course) -> Result<PathBuf> {
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

/// All files below a folder, except hidden ones, the copies that editors keep, and what builds make.
pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if !path.is_dir() {
            files.push(path);
        } else if !SKIPPED.contains(&name.as_ref()) {
            walk(&path, files);
        }
    }
}

/// The lines at which a fence of Rust begins.
fn typed_rust(page: &str) -> impl Iterator<Item = usize> {
    let is_rust = |line: &str| {
        let languages = line.trim_start().trim_start_matches('`');
        languages.split([',', ' ', '{']).any(|language| ["rust", "rs"].contains(&language))
    };
    directive::lines(page)
        .filter(move |(_, line, place)| *place == Place::Opening && is_rust(line))
        .map(|(number, ..)| number)
}

/// Numbers that a machine counts or measures, with their units.
static FIGURE: LazyLock<Regex> = LazyLock::new(|| {
    let counted =
        "lines|tests|exercises|decoys|mutants|minutes of exercises|minutes to read|minutes to build";
    let measured = "ms|µs|KB|MB|GB|orders/s|reads/s|requests/s|req/s|/s";
    Regex::new(&format!("(?-u:\\b)[0-9][0-9,.]*(?: (?:{counted})| ?(?:{measured}))(?-u:\\b)"))
        .expect("a valid expression")
});

/// A program writes the text between these two: `just compare --book`.
const GENERATED: [&str; 2] = ["<!-- figures: written by", "<!-- end of figures -->"];

/// Figures in the text of a page, outside code, directives and generated text.
fn typed_figures(page: &str) -> Vec<(usize, String)> {
    let prose = prose::text::prose(page, prose::text::Kind::Markdown);
    let position = |mark| page.lines().position(|line| line.starts_with(mark)).unwrap_or_default();
    let [first, last] = GENERATED.map(position);
    prose
        .lines()
        .enumerate()
        .filter(|(index, _)| !(first..last).contains(index))
        .flat_map(|(index, line)| {
            FIGURE.find_iter(line).map(move |found| (index + 1, found.as_str().to_owned()))
        })
        .collect()
}

/// Whether `SUMMARY.md` lists a page. mdBook renders only the pages that are listed.
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
    fn a_typed_figure_is_found_and_a_counted_one_is_not() {
        let page =
            "It has 4,341 lines, {{#tests 1}} tests.\nIt takes `250 ms`, not 3.5 ms, for 15 minutes.\n";
        assert_eq!(typed_figures(page), [(1, "4,341 lines".to_owned()), (2, "3.5 ms".to_owned())]);
    }

    #[test]
    fn a_page_that_is_not_in_the_summary_is_found() {
        let summary = "- [Money](01-monolith/money.md)\n";
        assert!(is_listed(summary, "01-monolith/money.md") && is_listed(summary, "SUMMARY.md"));
        assert!(!is_listed(summary, "money.md"));
    }

    #[test]
    fn the_pages_of_this_book_have_no_errors() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let wrong = pages(&course).unwrap();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}
