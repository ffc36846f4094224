//! Numbers that are counted when the book is built, so that no page states one that has become untrue.

use std::{fs, path::PathBuf};

use anyhow::{Result, bail, ensure};
use stage::Course;

use crate::{check::walk, directive};

/// Words that a reader of technical text takes in a minute.
const WORDS_A_MINUTE: usize = 180;
/// Seconds for something to look at: a listing, a diff, a drawing, an output.
const SECONDS_A_FIGURE: usize = 30;

/// `{{#lines CHAPTER [PATH]}}`: lines of Rust below the `src` folders of a stage, or of one file or folder of it. Blank lines, comments
/// and unit tests count.
///
/// # Errors
/// There is no such chapter, or no Rust there.
pub fn lines(course: &Course, words: &[String]) -> Result<String> {
    let mut count = 0;
    for (inside, file) in sources(course, words)? {
        if inside.components().any(|part| part.as_os_str() == "src") {
            count += fs::read_to_string(file)?.lines().count();
        }
    }
    Ok(grouped(count))
}

/// `{{#tests CHAPTER [PATH]}}`: functions marked as tests in a stage, or in one file or folder of it.
///
/// # Errors
/// There is no such chapter, or no Rust there.
pub fn tests(course: &Course, words: &[String]) -> Result<String> {
    let mut count = 0;
    for (_, file) in sources(course, words)? {
        count += tests_in(&fs::read_to_string(file)?);
    }
    Ok(grouped(count))
}

/// `{{#reading}}`: the minutes to read the page it is on.
pub fn reading(page: &str) -> String {
    let figures = directive::lines(page).filter(|(_, line, _)| line.trim_start().starts_with("{{#")).count();
    let seconds = page.split_whitespace().count() * 60 / WORDS_A_MINUTE + figures * SECONDS_A_FIGURE;
    let minutes = seconds.div_ceil(60);
    format!("<p class=\"minutes\">{minutes} minute{}</p>\n", if minutes == 1 { "" } else { "s" })
}

/// The Rust files of a stage, or those below a path of it, each with its path inside the stage.
fn sources(course: &Course, words: &[String]) -> Result<Vec<(PathBuf, PathBuf)>> {
    let (number, path) = match words {
        [number] => (number, ""),
        [number, path] => (number, path.as_str()),
        _ => bail!("it takes a chapter and, if you like, a path"),
    };
    let stage = directive::chapter(course, number)?.workspace();
    let mut files = Vec::new();
    match stage.join(path) {
        file if file.is_file() => files.push(file),
        folder => walk(&folder, &mut files),
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    ensure!(!files.is_empty(), "{} contains no Rust", stage.join(path).display());
    let inside = |file: &PathBuf| file.strip_prefix(&stage).unwrap_or(file).to_owned();
    Ok(files.into_iter().map(|file| (inside(&file), file)).collect())
}

fn tests_in(source: &str) -> usize {
    source
        .lines()
        .filter(|line| ["#[test]", "#[tokio::test"].iter().any(|mark| line.trim().starts_with(mark)))
        .count()
}

/// A number as text has it: 1234 is `1,234`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_thousand_has_a_comma() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234), "1,234");
        assert_eq!(grouped(1_000_007), "1,000,007");
    }

    #[test]
    fn a_test_is_a_function_that_is_marked_as_one() {
        let source =
            "#[test]\nfn a() {}\n    #[tokio::test(flavor = \"multi_thread\")]\n// a #[test] in a sentence\n";
        assert_eq!(tests_in(source), 2);
    }

    #[test]
    fn a_page_takes_longer_with_figures() {
        let words = "word ".repeat(WORDS_A_MINUTE);
        assert!(reading(&words).contains("1 minute<"));
        assert!(reading(&format!("{words}\n{{{{#listing 1 a.rs b}}}}\n")).contains("2 minutes<"));
    }

    #[test]
    fn lines_and_tests_of_a_stage_are_counted() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let file =
            std::fs::read_to_string(course.chapter(1).unwrap().workspace().join("shop/src/main.rs")).unwrap();
        assert_eq!(lines(&course, &words("1 shop/src/main.rs")).unwrap(), file.lines().count().to_string());
        assert_ne!(tests(&course, &words("1")).unwrap(), "0");
        assert!(lines(&course, &words("1 nowhere")).is_err());
    }
}
