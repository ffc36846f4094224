//! `{{#output NAME [COMMAND] [from "…"] [until "…"]}}`: what commands printed, from `book/captures/NAME.txt`.
//!
//! A capture is the transcript of one terminal session: each line that begins with `$ ` is a command, and its output follows. The
//! book shows it as it was recorded. Values that differ from run to run (ids, times, sizes) are masked only when two recordings
//! are compared.

use std::{path::Path, sync::LazyLock};

use anyhow::{Context, Result, bail, ensure};
use regex::Regex;

use crate::listing::figure;

/// A recorded session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The reason why it is not compared with a new recording, from a first line that begins with `# `.
    pub not_compared: Option<String>,
    /// The commands with their outputs.
    pub entries: Vec<Entry>,
}

/// A command and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The command as a reader types it.
    pub command: String,
    /// The lines that it printed.
    pub output: Vec<String>,
}

impl Transcript {
    /// Reads a capture file.
    ///
    /// # Errors
    /// The file cannot be read, or contains no command.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut transcript = Self { not_compared: None, entries: Vec::new() };
        for line in text.lines() {
            match (line.strip_prefix("$ "), transcript.entries.last_mut()) {
                (Some(command), _) => {
                    transcript.entries.push(Entry { command: command.to_owned(), output: Vec::new() });
                }
                (None, Some(entry)) => entry.output.push(line.to_owned()),
                (None, None) => {
                    let why = line
                        .strip_prefix("# ")
                        .context("the first line must begin with `$ ` (a command) or with `# ` (why it is not compared)")?;
                    transcript.not_compared = Some(why.to_owned());
                }
            }
        }
        ensure!(!transcript.entries.is_empty(), "a capture needs at least one command");
        Ok(transcript)
    }

    /// The text of the capture file.
    pub fn text(&self) -> String {
        let mut lines: Vec<_> = self.not_compared.iter().map(|why| format!("# {why}")).collect();
        for entry in &self.entries {
            lines.push(format!("$ {}", entry.command));
            lines.extend(entry.output.iter().cloned());
        }
        lines.join("\n") + "\n"
    }

    /// The first difference from another recording, if there is one: the command with the two lines.
    pub fn difference(&self, other: &Self) -> Option<String> {
        self.entries.iter().zip(&other.entries).find_map(|(ours, theirs)| {
            let (old, new) = (masked(&ours.output), masked(&theirs.output));
            let at = (0..old.len().max(new.len())).find(|&at| old.get(at) != new.get(at))?;
            let line =
                |lines: &[String]| lines.get(at).map_or("(the output ends)", String::as_str).to_owned();
            Some(format!("$ {}\n  was: {}\n  is:  {}", ours.command, line(&old), line(&new)))
        })
    }
}

/// Values that differ from run to run, with what replaces them in a comparison.
static VOLATILE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"eyJ[\w.-]+", "TOKEN"),
        (r"ada-[0-9a-f]+@", "ada-ID@"),
        (r"(staff@shop\.example\W+(password\W+)?)[0-9a-f]{16}", "${1}PASSWORD"),
        (r"\b\d+(\.\d+)? (MB|GB|ms|s)\b", "N $2"),
        (r"\bpid \d+", "pid N"),
        (r"(running +)\d+ ", "${1}PID "),
        (r" +", " "),
    ]
    .map(|(pattern, instead)| (Regex::new(pattern).expect("a regular expression"), instead))
    .into()
});

/// The lines with their volatile values replaced.
fn masked(lines: &[String]) -> Vec<String> {
    let mask = |line: &String| {
        VOLATILE.iter().fold(line.clone(), |line, (volatile, instead)| {
            volatile.replace_all(&line, *instead).into_owned()
        })
    };
    lines.iter().map(mask).collect()
}

/// The part of a transcript that a directive names, as Markdown.
///
/// # Errors
/// The capture does not exist, or it does not contain the command or a line.
pub fn output(captures: &Path, words: &[String]) -> Result<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let [name, rest @ ..] = words.as_slice() else { bail!("`output` needs the name of a capture") };
    let transcript = Transcript::read(&captures.join(format!("{name}.txt")))?;
    let command: Vec<_> = rest.iter().take_while(|word| !["from", "until"].contains(word)).copied().collect();
    let (from, until) = match &rest[command.len()..] {
        [] => (None, None),
        ["from", from] => (Some(*from), None),
        ["until", until] => (None, Some(*until)),
        ["from", from, "until", until] => (Some(*from), Some(*until)),
        _ => bail!("write a part as: from \"LINE\" until \"LINE\""),
    };
    let entries: Vec<_> = match command.join(" ") {
        all if all.is_empty() => transcript.entries,
        one => {
            let entry = transcript.entries.into_iter().find(|entry| entry.command == one);
            vec![entry.with_context(|| format!("the capture {name} has no command `{one}`"))?]
        }
    };
    let mut lines = Vec::new();
    for Entry { command, output } in entries {
        lines.push(format!("$ {command}"));
        lines.extend(part(&output, from, until)?);
    }
    Ok(figure("terminal", "In the terminal", "text", lines.join("\n").trim_end()))
}

fn part(lines: &[String], from: Option<&str>, until: Option<&str>) -> Result<Vec<String>> {
    let find = |text: &str, start: usize| {
        let found = lines[start..].iter().position(|line| line.contains(text));
        found.map(|at| start + at).with_context(|| {
            format!("no line of the output contains {text:?} (`until` is looked for after `from`)")
        })
    };
    let first = from.map_or(Ok(0), |text| find(text, 0))?;
    let last = until.map_or(Ok(lines.len()), |text| find(text, first + 1))?;
    let more = "…".to_owned();
    let before = (first > 0).then(|| more.clone());
    let after = (last < lines.len()).then_some(more);
    Ok(before.into_iter().chain(lines[first..last].iter().cloned()).chain(after).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Transcript {
        Transcript::parse(text).unwrap()
    }

    #[test]
    fn reading_a_written_transcript_gives_the_same_transcript() {
        let text = "# not checked: slow\n$ just status\nrunning\n\n$ just stop\nstopped\n";
        assert_eq!(parsed(text).text(), text);
        assert_eq!(parsed(text).entries[0].output, ["running", ""]);
        assert!(Transcript::parse("just text\n").is_err() && Transcript::parse("").is_err());
    }

    #[test]
    fn ids_times_and_sizes_do_not_make_recordings_differ() {
        let first = "$ a\n  shop-1  running  39  37 MB  x\nid 01a203b4-8017-7396-826f-f832760ea851 at 2026-11-22T14:41:30.6Z";
        let second = "$ a\n  shop-1  running  3930   8 MB  x\nid 01a203b5-0000-7396-826f-f832760ea851 at 2026-11-22T14:42:31Z";
        assert_eq!(parsed(first).difference(&parsed(second)), None);
    }

    #[test]
    fn a_difference_is_reported_with_its_command() {
        let difference = parsed("$ a\none\ntwo\n").difference(&parsed("$ a\none\n")).unwrap();
        assert_eq!(difference, "$ a\n  was: two\n  is:  (the output ends)");
    }

    #[test]
    fn a_part_is_marked_where_lines_are_left_out() {
        let lines = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(part(&lines, Some("b"), None).unwrap(), ["…", "b", "c"]);
        assert_eq!(part(&lines, None, Some("b")).unwrap(), ["a", "…"]);
        assert!(part(&lines, Some("d"), None).is_err() && part(&lines, Some("c"), Some("a")).is_err());
    }
}
