//! Exercises in the book, from their own folders: `{{#exercise 1.1}}` is a box with the task folded, `{{#exercises 1}}` the table
//! of a chapter's exercises, and `{{#decoys}}` the wrong solutions of all exercises, folded.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use exercises::{Catalogue, Exercise};
use stage::Course;

/// The box of an exercise, as Markdown.
///
/// # Errors
/// There is no such exercise.
pub fn exercise(course: &Course, words: &[String]) -> Result<String> {
    let [wanted] = words else { bail!("`exercise` needs a number or an id") };
    let catalogue = Catalogue::of(course)?;
    let exercise = catalogue.find(wanted)?;
    let Exercise { number, manifest, .. } = exercise;
    let task = task(exercise)?;
    let why = task.split("\n\n").next().unwrap_or_default();
    let rest = task.strip_prefix(why).unwrap_or_default().trim();
    Ok(format!(
        "\n<div class=\"exercise\">\n\n<p class=\"exercise-title\">Exercise {number} · {}<span>{} minutes</span></p>\n\n{why}\n\n\
        ```sh\njust start {number}\n```\n\n<details>\n<summary>The task</summary>\n\n{rest}\n\n</details>\n\n</div>\n",
        manifest.title, manifest.minutes
    ))
}

/// The README without its title. Its headings become bold text, so that the page's outline does not contain them.
fn task(exercise: &Exercise) -> Result<String> {
    let text = exercise.task()?;
    let (_, body) =
        text.split_once('\n').with_context(|| format!("the README of {} is empty", exercise.number))?;
    let line =
        |line: &str| line.strip_prefix("## ").map_or(line.to_owned(), |heading| format!("**{heading}**"));
    Ok(body.trim().lines().map(line).collect::<Vec<_>>().join("\n"))
}

/// The table of a chapter's exercises, as Markdown.
///
/// # Errors
/// The chapter has none.
pub fn exercises(course: &Course, words: &[String]) -> Result<String> {
    let [chapter] = words else { bail!("`exercises` needs a chapter") };
    let catalogue = Catalogue::of(course)?;
    let mut rows = vec!["| | | minutes |\n| --- | --- | --- |".to_owned()];
    for Exercise { number, manifest, .. } in catalogue.of_chapter(chapter.parse()?) {
        rows.push(format!("| `just start {number}` | {} | {} |", manifest.title, manifest.minutes));
    }
    if rows.len() == 1 {
        bail!("chapter {chapter} has no exercises");
    }
    Ok(format!("\n{}\n", rows.join("\n")))
}

/// The decoys, which are plausible wrong solutions, of each exercise, as Markdown.
///
/// # Errors
/// An exercise cannot be read.
pub fn decoys(course: &Course, words: &[String]) -> Result<String> {
    let [] = words else { bail!("`decoys` takes no argument: it lists those of all exercises") };
    let mut text = String::new();
    for Exercise { number, manifest, .. } in Catalogue::of(course)?.exercises {
        let thought = |decoy: &exercises::exercise::Decoy| {
            let broken = manifest.tests.iter().find(|test| test.name == decoy.fails).map(|test| test.rule());
            format!("| {} | {} |\n", decoy.thought, broken.unwrap_or_default())
        };
        let rows: String = manifest.decoys.iter().map(thought).collect();
        let title = &manifest.title;
        let table = format!("| the thought | the rule that it breaks |\n| --- | --- |\n{rows}");
        writeln!(text, "\n<details>\n<summary>{number} {title}</summary>\n\n{table}\n</details>")?;
    }
    Ok(text)
}
