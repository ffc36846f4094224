//! What a reader would stumble over.

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

/// Home-made words with the standard term for each, and a new one is a line more.
const WORDS: &str = include_str!("../words.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    word: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    write: String,
    instead_of: Vec<String>,
}

/// The rules, compiled.
pub struct Rules {
    /// A pattern and what to write in its place.
    words: Vec<(Regex, String)>,
    bare_subject: Regex,
    sentence_end: Regex,
}

impl Rules {
    /// The rules of this course.
    ///
    /// # Errors
    /// `words.toml` is not valid.
    pub fn of_the_course() -> Result<Self> {
        Self::new(WORDS)
    }

    fn new(words: &str) -> Result<Self> {
        let words: Words = toml::from_str(words).context("words.toml")?;
        let mut compiled = Vec::new();
        for Word { write, instead_of } in words.word {
            let phrases: Vec<_> =
                instead_of.iter().map(|phrase| regex::escape(phrase).replace(' ', r"\s+")).collect();
            let pattern = format!(r"(?i-u)\b(?:{})\b", phrases.join("|"));
            compiled.push((Regex::new(&pattern)?, write));
        }
        Ok(Self {
            words: compiled,
            bare_subject: Regex::new(r"(?-u)\b(?:Who|Whoever|Whose|Whom|Whatever)\s+[a-z]")?,
            sentence_end: Regex::new(r"(?-u)[.?!](?:\s|$)|[|]|\n\s*\n")?,
        })
    }

    /// What is wrong in a text, with its lines, in order.
    pub fn violations(&self, prose: &str) -> Vec<(usize, String)> {
        let line = |at: usize| prose[..at].matches('\n').count() + 1;
        let mut found = Vec::new();
        for (pattern, write) in &self.words {
            found.extend(pattern.find_iter(prose).map(|hit| {
                let words = hit.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
                (line(hit.start()), format!("\"{words}\": write {write}"))
            }));
        }
        for hit in self.bare_subject.find_iter(prose).filter(|hit| !self.is_question(&prose[hit.start()..])) {
            let word = hit.as_str().split_whitespace().next().unwrap_or_default();
            let advice = "name the subject, as in \"A client that …\"";
            found.push((line(hit.start()), format!("a sentence begins with a bare \"{word}\": {advice}")));
        }
        found.sort();
        found
    }

    fn is_question(&self, sentence: &str) -> bool {
        self.sentence_end.find(sentence).is_some_and(|end| end.as_str().starts_with('?'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: &str = "[[word]]\nwrite = \"car\"\ninstead_of = [\"horseless carriage\", \"automobil\"]\n";

    fn found(text: &str) -> Vec<(usize, String)> {
        Rules::new(TOY).unwrap().violations(text)
    }

    #[test]
    fn a_listed_word_is_found_in_any_case_and_across_a_line_break() {
        let words = "One.\nA Horseless\ncarriage and an automobile.";
        assert_eq!(found(words), [(2, "\"Horseless carriage\": write car".to_owned())]);
    }

    #[test]
    fn a_sentence_with_a_bare_subject_is_found_and_a_question_is_not() {
        let bare = |text: &str| found(text).len();
        assert_eq!(bare(&format!("Fine. {} reads this waits.", "Who")), 1);
        assert_eq!(bare(&format!("{} reads this?", "Who")), 0);
        assert_eq!(bare(&format!("{} reads this\nwaits. Really?", "Whoever")), 1);
        assert_eq!(bare("A client who waits."), 0);
    }

    #[test]
    fn the_words_of_the_course_are_valid() {
        assert!(Rules::of_the_course().unwrap().words.len() > 10);
    }
}
