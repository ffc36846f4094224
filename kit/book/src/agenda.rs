//! `{{#agenda 9:00 until 12:30 chapter 1 exercise 1.1 break chapter 2 … wrap-up}}`: a timetable, computed from the minutes that
//! chapters and exercises declare.

use std::fmt::Write;

use anyhow::{Context, Result, bail, ensure};
use exercises::Catalogue;
use stage::Course;

/// Minutes after midnight.
type Minutes = u32;

/// Time after each exercise to compare the solutions.
const COMPARING: Minutes = 5;

/// Slots that every workshop has: the word in the directive, the text in the timetable, the minutes.
const FIXED: [(&str, &str, Minutes); 4] = [
    ("welcome", "Introductions; `just doctor` on every machine; `just chapter 1` on the projector", 20),
    ("break", "Break", 15),
    ("lunch", "Lunch", 60),
    ("wrap-up", "Which predictions were wrong? What will you look for in your own system?", 15),
];

/// The timetable as Markdown.
///
/// # Errors
/// A word is unknown, or the timetable ends too late.
pub fn agenda(course: &Course, words: &[String]) -> Result<String> {
    let [from, colon, until, slots @ ..] = words else {
        bail!("an agenda begins like this: 9:00 until 12:30")
    };
    ensure!(colon == "until", "an agenda begins like this: 9:00 until 12:30");
    let (mut now, end) = (clock(from)?, clock(until)?);
    let catalogue = Catalogue::of(course)?;
    let mut rows = String::from("| | | minutes |\n| --- | --- | --- |\n");
    let mut slots = slots.iter().map(String::as_str);
    while let Some(word) = slots.next() {
        let (what, minutes) = slot(&catalogue, word, &mut slots)?;
        writeln!(rows, "| {} | {what} | {minutes} |", time(now))?;
        ensure!(
            now + minutes <= end,
            "{what} begins at {} and takes {minutes} minutes, but the agenda ends at {until}",
            time(now)
        );
        now += minutes;
    }
    Ok(format!("\n{rows}| {} | End | |\n", time(now)))
}

/// The text and the minutes of a slot.
fn slot<'a>(
    catalogue: &Catalogue,
    word: &str,
    mut more: impl Iterator<Item = &'a str>,
) -> Result<(String, Minutes)> {
    Ok(match word {
        "chapter" => {
            let number = more.next().unwrap_or_default().parse().context("a chapter has a number")?;
            let chapter = catalogue.course.chapter(number)?.manifest;
            let what = format!(
                "Chapter {number}, {}: run it, break it, predict, read the code together",
                chapter.title
            );
            // A room's questions make reading take half as long again.
            (what, (chapter.minutes.read * 3 / 2).next_multiple_of(5))
        }
        "exercise" => {
            let exercise = catalogue.find(more.next().unwrap_or_default())?;
            (
                format!("Exercise {}: {}", exercise.number, exercise.manifest.title),
                exercise.manifest.minutes + COMPARING,
            )
        }
        _ => {
            let fixed = FIXED.iter().find(|(name, ..)| *name == word);
            let (_, what, minutes) = fixed.with_context(|| format!("`{word}` is no slot of an agenda"))?;
            ((*what).to_owned(), *minutes)
        }
    })
}

fn time(minutes: Minutes) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn clock(text: &str) -> Result<Minutes> {
    let (hours, minutes) =
        text.split_once(':').with_context(|| format!("{text} is not a time; write it as 9:00"))?;
    Ok(hours.parse::<Minutes>()? * 60 + minutes.parse::<Minutes>()?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_timetable_adds_up_and_must_end_in_time() {
        let course = Course::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let table = agenda(&course, &words("9:50 until 10:30 welcome break")).unwrap();
        assert!(
            table.contains("| 9:50 | Introductions") && table.contains("| 10:10 | Break | 15 |"),
            "{table}"
        );
        assert!(table.ends_with("| 10:25 | End | |\n"), "{table}");
        let late = agenda(&course, &words("9:50 until 10:20 welcome break")).unwrap_err().to_string();
        assert_eq!(late, "Break begins at 10:10 and takes 15 minutes, but the agenda ends at 10:20");
        assert!(agenda(&course, &words("9:50 until 10:20 nap")).is_err());
    }
}
