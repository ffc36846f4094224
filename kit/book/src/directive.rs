//! Directives: `{{#name word "several words" …}}`, alone on a line or, where they give a few words only, inside a sentence.
//! Nothing is replaced in fenced code.

use anyhow::{Context, Result, bail};
use stage::{Chapter, Course};

/// A directive as written.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    /// The word after `{{#`.
    pub name: String,
    /// The words after it; what stands between double quotes is one.
    pub words: Vec<String>,
}

impl Directive {
    /// Reads a line; none where it is not a directive.
    ///
    /// # Errors
    /// It begins as one, and its end or a quote is missing.
    pub fn parse(line: &str) -> Result<Option<Self>> {
        let Some(rest) = line.trim().strip_prefix("{{#") else { return Ok(None) };
        let Some(inner) = rest.strip_suffix("}}") else {
            bail!("`{line}` has to end with }}}} on the same line, with nothing after it");
        };
        let mut words = words(inner)?.into_iter();
        let Some(name) = words.next() else { bail!("`{line}` has no name after {{{{#") };
        Ok(Some(Self { name, words: words.collect() }))
    }
}

/// The chapter that a word of a directive names by its number.
///
/// # Errors
/// It is no number, or no chapter's.
pub fn chapter(course: &Course, number: &str) -> Result<Chapter> {
    Ok(course.chapter(number.parse().with_context(|| format!("{number} is no chapter's number"))?)?)
}

fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    // Every second piece between quotes was quoted.
    for (index, piece) in text.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    if text.matches('"').count() % 2 == 1 {
        bail!("`{text}` has a quote that is not closed");
    }
    Ok(words)
}

/// Replaces every directive of a page. All errors are reported together, as `line N: why`.
///
/// # Errors
/// The lines that could not be replaced.
pub fn expand(page: &str, mut replace: impl FnMut(&Directive) -> Result<String>) -> Result<String> {
    let mut expanded = String::with_capacity(page.len());
    let mut wrong = Vec::new();
    for (number, line, place) in lines(page) {
        let replaced = match place {
            Place::Prose if is_alone(line) => Directive::parse(line)
                .and_then(|directive| directive.map_or_else(|| Ok(line.to_owned()), |found| replace(&found))),
            Place::Prose => expand_inline(line, &mut replace),
            Place::Opening | Place::Code => Ok(line.to_owned()),
        };
        match replaced {
            Ok(text) => expanded.push_str(&text),
            Err(error) => wrong.push(format!("line {number}: {error:#}")),
        }
        expanded.push('\n');
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(expanded)
}

/// Whether a line begins with a directive that nothing follows.
fn is_alone(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("{{#") && line.find("}}").is_none_or(|end| end + 2 == line.len())
}

/// Replaces the directives inside a line of text. Each has to give one line.
fn expand_inline(line: &str, replace: &mut impl FnMut(&Directive) -> Result<String>) -> Result<String> {
    let mut expanded = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("{{#") {
        let (before, from) = rest.split_at(start);
        let Some(end) = from.find("}}") else { bail!("`{from}` has no }}}} on the same line") };
        let (written, after) = from.split_at(end + 2);
        expanded.push_str(before);
        if let Some(directive) = Directive::parse(written)? {
            let text = replace(&directive)?;
            if text.contains('\n') {
                bail!("{written} gives more than a few words; put it on a line of its own");
            }
            expanded.push_str(&text);
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Where a line of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Outside fenced code.
    Prose,
    /// The fence that begins code, with its language.
    Opening,
    /// Inside fenced code, the fence that ends it included.
    Code,
}

/// The lines of a page with their numbers, from 1.
pub fn lines(page: &str) -> impl Iterator<Item = (usize, &str, Place)> {
    let mut open = 0; // backticks of the fence that began the code
    page.lines().zip(1..).map(move |(line, number)| {
        let fence = line.trim_start().chars().take_while(|c| *c == '`').count();
        let place = match (open, fence) {
            (0, 3..) => Place::Opening,
            (0, _) => Place::Prose,
            _ => Place::Code,
        };
        match place {
            Place::Opening => open = fence,
            Place::Code if fence >= open => open = 0,
            _ => {}
        }
        (number, line, place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_spaces_unless_they_are_quoted() {
        let directive =
            Directive::parse(r#"  {{#listing 1 a.rs hold elide "let x" until "}"}} "#).unwrap().unwrap();
        assert_eq!(directive.name, "listing");
        assert_eq!(directive.words, ["1", "a.rs", "hold", "elide", "let x", "until", "}"]);
        assert_eq!(Directive::parse("text").unwrap(), None);
    }

    #[test]
    fn a_directive_that_does_not_end_is_an_error_that_names_its_line() {
        let error = expand("one\n{{#listing 1\n", |_| Ok(String::new())).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("}}"), "{error}");
        assert!(Directive::parse(r#"{{#output a "b}}"#).is_err());
    }

    #[test]
    fn a_directive_inside_a_sentence_is_replaced_by_its_words() {
        let page = "It has {{#lines 1}} lines and {{#tests 1}} tests.\n{{#lines 1}} lines\n";
        let number = |directive: &Directive| Ok(if directive.name == "lines" { "7" } else { "2" }.to_owned());
        assert_eq!(expand(page, number).unwrap(), "It has 7 lines and 2 tests.\n7 lines\n");
        let error = expand("see {{#listing 1}} here\n", |_| Ok("a\nb".into())).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("a line of its own"), "{error}");
        assert!(expand("see {{#lines 1\n", number).is_err());
    }

    #[test]
    fn a_directive_in_fenced_code_is_shown_as_it_is() {
        let page = "````\n```\n{{#x}}\n````\n{{#x}}\n";
        assert_eq!(expand(page, |_| Ok("seen".into())).unwrap(), "````\n```\n{{#x}}\n````\nseen\n");
    }
}
