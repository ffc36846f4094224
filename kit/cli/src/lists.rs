//! Lists of the experiments and exercises, read from their files. The programs that run them take a minute to compile, which is too
//! long to wait for a list.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, de::DeserializeOwned};
use stage::Course;

use crate::table::table;

#[derive(Deserialize)]
struct Experiment {
    question: String,
}

#[derive(Deserialize)]
struct Exercise {
    title: String,
    minutes: u32,
}

/// Every experiment with its question.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn experiments(course: &Course) -> Result<Vec<[String; 2]>> {
    let mut files = entries(&course.root.join("experiments"))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    let row = |file: &PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok([name, read::<Experiment>(file)?.question])
    };
    files.iter().map(row).collect()
}

/// Every exercise with its minutes, below the title of its chapter.
///
/// # Errors
/// A file cannot be read.
pub(crate) fn exercises(course: &Course) -> Result<String> {
    let mut text = String::new();
    for chapter in entries(&course.root.join("exercises"))? {
        let Some(number) = number(&chapter) else { continue };
        let mut rows = Vec::new();
        for exercise in entries(&chapter)? {
            let file = exercise.join("exercise.toml");
            if let (Some(position), true) = (self::number(&exercise), file.is_file()) {
                let Exercise { title, minutes } = read(&file)?;
                rows.push([format!("{number}.{position}"), title, format!("{minutes:>2} min")]);
            }
        }
        let title = course.chapter(number)?.manifest.title;
        writeln!(text, "\nChapter {number}, {title}\n{}", table(&rows).trim_end())?;
    }
    Ok(text)
}

/// The content of a folder, sorted. Empty if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The number at the start of a folder's name, for example 1 for `01-last-unit`.
fn number(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course() -> Course {
        Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn the_list_of_experiments_has_a_question_for_each_file() {
        let experiments = experiments(&course()).unwrap();
        assert!(experiments.iter().any(|[name, question]| name == "kill-one" && question.ends_with('?')));
    }

    #[test]
    fn the_list_of_exercises_has_their_numbers_titles_and_minutes() {
        let list = exercises(&course()).unwrap();
        assert!(list.starts_with("\nChapter 1, The monolith\n  1.1  "), "{list}");
        assert!(list.contains("\nChapter 8, Sagas\n  8.1  ") && list.contains(" min\n"), "{list}");
    }
}
