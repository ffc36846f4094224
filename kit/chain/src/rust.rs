//! Extracts identifiers and strings with their lines from a Rust source file. Comments and documentation are skipped.

use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The identifiers and string literals of a source.
#[derive(Debug, Default)]
pub struct Source {
    /// Identifiers with their lines.
    pub identifiers: Vec<(usize, String)>,
    /// String literals as written, including the quotes, with the line in which they begin.
    pub strings: Vec<(usize, String)>,
}

impl Source {
    /// Reads a source file. The result for an invalid file is empty, because the compiler reports the error.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Self::of(&text))
    }

    fn of(text: &str) -> Self {
        let mut source = Self::default();
        source.take(text.parse().unwrap_or_default());
        source
    }

    fn take(&mut self, tokens: TokenStream) {
        for token in tokens {
            let line = token.span().start().line;
            match token {
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Bracket && is_doc(group.stream()) => {}
                TokenTree::Group(group) => self.take(group.stream()),
                TokenTree::Ident(identifier) => self.identifiers.push((line, identifier.to_string())),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if text.ends_with(['"', '#']) {
                        self.strings.push((line, text));
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

/// Whether an attribute is `doc = "…"`, into which the compiler translates a documentation comment.
fn is_doc(attribute: TokenStream) -> bool {
    matches!(attribute.into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_skipped_and_lines_are_counted() {
        let source =
            Source::of("//! axum\n// tokio\n/// sqlx\nfn f() { g(\"a\", r#\"b\nc\"#, 'd', 1); /* h */ }\n");
        let names: Vec<_> = source.identifiers.iter().map(|(line, name)| (*line, name.as_str())).collect();
        assert_eq!(names, [(4, "fn"), (4, "f"), (4, "g")]);
        assert_eq!(source.strings, [(4, "\"a\"".to_owned()), (4, "r#\"b\nc\"#".to_owned())]);
    }

    #[test]
    fn an_invalid_source_file_is_empty() {
        assert!(Source::of("use axum; \"a <<<<<<<").identifiers.is_empty());
    }
}
