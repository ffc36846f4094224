//! The exercises with a participant's progress: as text, as JSON, and for a whole room as one page.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::Catalogue,
    progress::{Done, Progress},
};

/// What `just exercises --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// The participant's name, if they gave one.
    pub participant: Option<String>,
    /// Every exercise, in order.
    pub exercises: Vec<Entry>,
}

/// An exercise and the participant's progress in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    /// For example `1.1`.
    pub number: String,
    /// Its id, which stays when the number changes.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How long it takes.
    pub minutes: u32,
    /// How many expectations a check has.
    pub tests: usize,
    /// What the participant has done.
    #[serde(flatten)]
    pub done: Done,
}

impl List {
    /// The exercises of a course with a participant's progress.
    pub fn of(catalogue: &Catalogue, progress: &Progress, participant: Option<String>) -> Self {
        let entry = |exercise: &crate::Exercise| Entry {
            number: exercise.number.to_string(),
            id: exercise.manifest.id.clone(),
            title: exercise.manifest.title.clone(),
            minutes: exercise.manifest.minutes,
            tests: exercise.manifest.expectations().count(),
            done: progress.of(&exercise.manifest.id),
        };
        Self { participant, exercises: catalogue.exercises.iter().map(entry).collect() }
    }

    /// The exercise to continue with. This is one that was started and has not passed, or otherwise the first open one after
    /// the exercise that passed last: a participant who begins with chapter 2 continues there, and does what was left out
    /// at the end.
    pub fn next(&self) -> Option<&Entry> {
        let started =
            self.exercises.iter().filter(|entry| entry.is_open() && entry.done.started_at.is_some());
        let passed = self.exercises.iter().enumerate().filter(|(_, entry)| !entry.is_open());
        let passed_last = passed.max_by_key(|(_, entry)| entry.done.passed_at).map_or(0, |(place, _)| place);
        let (before, after) = self.exercises.split_at(passed_last);
        started
            .max_by_key(|entry| entry.done.started_at)
            .or_else(|| after.iter().chain(before).find(|entry| entry.is_open()))
    }

    /// What to do next, in a sentence; and which exercises before it are still open.
    pub fn next_steps(&self) -> String {
        let Some(next) = self.next() else { return "All exercises pass.".to_owned() };
        let number = &next.number;
        let step = match next.done.started_at {
            Some(_) => {
                format!("Continue with {number}: edit the files in work/{number}, then: just check {number}")
            }
            None => format!("Next: just start {number}"),
        };
        let earlier = self.exercises.iter().take_while(|entry| entry.id != next.id);
        let open: Vec<_> =
            earlier.filter(|entry| entry.is_open()).map(|entry| entry.number.as_str()).collect();
        if open.is_empty() { step } else { format!("{step}\nStill open before it: {}", open.join(", ")) }
    }

    /// One line for each exercise, below its chapter's title, and what to do next.
    ///
    /// # Errors
    /// A chapter's manifest cannot be read.
    pub fn text(&self, catalogue: &Catalogue) -> Result<String> {
        let mut text = String::new();
        let width = self.exercises.iter().map(|entry| entry.title.chars().count()).max().unwrap_or_default();
        for chapter in catalogue.chapters() {
            writeln!(text, "\nChapter {chapter}, {}", catalogue.course.chapter(chapter)?.manifest.title)?;
            let of_chapter =
                |entry: &&Entry| entry.number.split_once('.').is_some_and(|(c, _)| c == chapter.to_string());
            for entry in self.exercises.iter().filter(of_chapter) {
                let Entry { number, title, minutes, .. } = entry;
                let padding = " ".repeat(width - title.chars().count());
                let line = format!("  {number}  {title}{padding}  {minutes:>2} min  {}", entry.state());
                writeln!(text, "{}", line.trim_end())?;
            }
        }
        writeln!(text, "\n{}", self.next_steps())?;
        Ok(text)
    }
}

impl Entry {
    fn is_open(&self) -> bool {
        self.done.passed_at.is_none()
    }

    /// How far the participant is, in a few words.
    pub fn state(&self) -> String {
        let Done { started_at, passed_at, hints, solution_read, tests_passed, .. } = self.done;
        let help = match (hints, solution_read) {
            (_, true) => ", solution read".to_owned(),
            (0, _) => String::new(),
            (1, _) => ", 1 hint".to_owned(),
            (n, _) => format!(", {n} hints"),
        };
        match (passed_at, started_at) {
            (Some(_), _) => format!("passed{help}"),
            (None, Some(_)) => format!("{tests_passed} of {} tests{help}", self.tests),
            (None, None) => String::new(),
        }
    }
}

/// One page for a room, from the files `*.json` in a folder: one row per participant and one column per exercise.
///
/// # Errors
/// A file is not what `just exercises --json` prints.
pub fn room(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    ensure!(
        !files.is_empty(),
        "{} contains no *.json; each participant writes one: just exercises --json --name ADA > ada.json",
        folder.display()
    );
    let mut lists = Vec::new();
    for file in files {
        let list: List = serde_json::from_slice(&fs::read(&file)?)
            .with_context(|| format!("{} is not what `just exercises --json` prints", file.display()))?;
        let name = list.participant.clone();
        lists.push((
            name.unwrap_or_else(|| file.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
            list,
        ));
    }
    Ok(page(&lists))
}

fn page(lists: &[(String, List)]) -> String {
    let first = &lists[0].1.exercises;
    let heads = first
        .iter()
        .map(|entry| format!("<th title=\"{}\">{}</th>", escaped(&entry.title), escaped(&entry.number)));
    let mut rows = String::new();
    for (name, list) in lists {
        let cells =
            first.iter().map(|column| cell(list.exercises.iter().find(|entry| entry.id == column.id)));
        rows.extend(["<tr><th>".to_owned(), escaped(name), "</th>".to_owned()].into_iter().chain(cells));
        rows.push_str("</tr>\n");
    }
    let passed = |id: &str| {
        let has_passed = |list: &List| list.exercises.iter().any(|entry| entry.id == id && !entry.is_open());
        lists.iter().filter(|(_, list)| has_passed(list)).count()
    };
    let sums = first.iter().map(|entry| format!("<td>{} of {}</td>", passed(&entry.id), lists.len()));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta http-equiv=\"refresh\" content=\"15\">\n\
        <title>The room</title>\n<style>\n\
        body {{ font: 16px system-ui, sans-serif; margin: 2em; }}\n\
        table {{ border-collapse: collapse; }} th, td {{ padding: .4em .8em; border: 1px solid #8886; text-align: center; }}\n\
        tr th:first-child {{ text-align: start; }} .passed {{ background: #16a34a40; }} .open {{ background: #eab30840; }}\n\
        </style>\n<h1>The room</h1>\n<table>\n<tr><th>participant</th>{}</tr>\n{rows}<tr><th>passed</th>{}</tr>\n</table>\n</html>\n",
        heads.collect::<String>(),
        sums.collect::<String>()
    )
}

fn cell(entry: Option<&Entry>) -> String {
    let Some(entry) = entry else { return "<td></td>".to_owned() };
    let class = match (entry.done.passed_at, entry.done.started_at) {
        (Some(_), _) => "passed",
        (None, Some(_)) => "open",
        (None, None) => "",
    };
    format!("<td class=\"{class}\">{}</td>", escaped(&entry.state()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
