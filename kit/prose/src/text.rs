//! The prose of a file: everything else is blanked out, so that what remains is still in its line.

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Prose but for code.
    Markdown,
    /// Prose in comments and strings.
    Rust,
    /// Prose in comments after `#`, and in strings where `strings` is set.
    Hash {
        /// Whether strings are prose.
        strings: bool,
    },
    /// Prose in comments after `--`.
    Sql,
    /// Prose throughout: descriptions.
    Yaml,
}

impl Kind {
    /// The kind of a file by its name. None where it has no prose of ours.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == "justfile" {
            return Some(Self::Hash { strings: false });
        }
        match name.rsplit_once('.')?.1 {
            "md" => Some(Self::Markdown),
            "rs" => Some(Self::Rust),
            "toml" => Some(Self::Hash { strings: true }),
            "conf" | "sh" => Some(Self::Hash { strings: false }),
            "sql" => Some(Self::Sql),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// Stands where code was, so that the texts on both sides are not read as one sentence.
const GAP: char = '|';

/// A file's text with everything that is not prose blanked out.
pub fn prose(text: &str, kind: Kind) -> String {
    let prose = match kind {
        Kind::Markdown => without_fences(text),
        Kind::Yaml => text.to_owned(),
        Kind::Rust => of_rust(text),
        Kind::Hash { strings } => of_lines(text, "#", strings),
        Kind::Sql => of_lines(text, "--", false),
    };
    without_code_spans(&prose)
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

fn without_fences(text: &str) -> String {
    let mut fenced = false;
    let line = |line: &str| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if fenced || fence || line.trim_start().starts_with("{{#") { blank(line) } else { line.to_owned() }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Code in backticks that begins and ends in one line.
fn without_code_spans(text: &str) -> String {
    let line = |line: &str| {
        let mut kept = String::with_capacity(line.len());
        let mut pieces = line.split('`').peekable();
        let mut code = false;
        while let Some(piece) = pieces.next() {
            let closed = pieces.peek().is_some();
            kept.push_str(&if code && closed { "x".repeat(piece.len()) } else { piece.to_owned() });
            if closed {
                kept.push(' ');
            }
            code = !code;
        }
        kept
    };
    text.split_inclusive('\n').map(line).collect()
}

fn of_rust(text: &str) -> String {
    let mut prose = String::with_capacity(text.len());
    let mut rest = text;
    for token in tokenize(text, FrontmatterAllowed::No) {
        let (written, after) = rest.split_at(token.len as usize);
        rest = after;
        match token.kind {
            TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
                let words = written.trim_start_matches(['/', '!', '*']).trim_end_matches("*/");
                prose.push_str(&" ".repeat(written.len() - words.len()));
                prose.push_str(words);
            }
            TokenKind::Literal { kind: LiteralKind::Str { .. } | LiteralKind::RawStr { .. }, .. } => {
                let words = written.split_once('"').map_or("", |(_, words)| words);
                let words = words.rsplit_once('"').map_or(words, |(words, _)| words);
                prose.push(GAP);
                prose.push_str(&words.replace("\\n", "| ").replace('\\', " "));
                prose.push(GAP);
            }
            TokenKind::Whitespace => prose.push_str(written),
            _ => {
                prose.push(GAP);
                prose.push_str(&blank(&written[written.chars().next().map_or(0, char::len_utf8)..]));
            }
        }
    }
    prose
}

/// Comments to the end of the line, and strings in double quotes, of a format that has no more than these.
fn of_lines(text: &str, comment: &str, strings: bool) -> String {
    let mut multiline = false; // inside """
    let line = |line: &str| {
        if strings && line.matches("\"\"\"").count() == 1 {
            multiline = !multiline;
            return line.replace("\"\"\"", "   ");
        }
        if multiline {
            return line.to_owned();
        }
        let quoted = |at: usize| line[..at].matches('"').count() % 2 == 1;
        let start = line.match_indices(comment).map(|(at, _)| at).find(|at| !quoted(*at));
        let (code, words) = line.split_at(start.unwrap_or(line.len()));
        let code = if strings { only_strings(code) } else { blank(code) };
        let gap = if code.trim().is_empty() { "" } else { "|" };
        format!("{code}{gap}{}", words.replacen(comment, " ", 1))
    };
    text.split_inclusive('\n').map(line).collect()
}

/// A string such as `"last-unit"` is an id or a name of a file, and not prose.
fn only_strings(code: &str) -> String {
    let is_prose = |piece: &str| piece.contains(' ') || !piece.contains('-');
    let piece = |(index, piece): (usize, &str)| {
        if index % 2 == 1 && is_prose(piece) { piece.to_owned() } else { blank(piece) }
    };
    code.split('"').enumerate().map(piece).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, kind: Kind) -> Vec<String> {
        let prose = prose(text, kind);
        assert_eq!(prose.matches('\n').count(), text.matches('\n').count(), "{prose}");
        prose
            .split(|c: char| c.is_whitespace() || c == GAP)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn of_rust_comments_and_strings_are_prose() {
        let source = "//! One.\nfn two() { // three\n    say(r#\"four\"#, 'x', \"five\"); /* six */\n}\n";
        assert_eq!(words(source, Kind::Rust), ["One.", "three", "four", "five", "six"]);
    }

    #[test]
    fn of_markdown_code_is_not_prose() {
        let page = "One `two` three.\n```sh\nfour\n```\n{{#listing 1 five.rs}}\nsix\n";
        assert_eq!(words(page, Kind::Markdown), ["One", "xxx", "three.", "six"]);
    }

    #[test]
    fn of_settings_comments_and_strings_are_prose() {
        let text = "# One\nkey = \"two # three\" # four\nlong = \"\"\"\nfive\n\"\"\"\n[key]\n";
        assert_eq!(
            words(text, Kind::Hash { strings: true }),
            ["One", "two", "#", "three", "four", "long", "=", "five"]
        );
        assert_eq!(words("select 1; -- two\n", Kind::Sql), ["two"]);
    }
}
