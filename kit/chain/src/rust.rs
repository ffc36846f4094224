//! What a Rust source names: identifiers and strings, with their lines. Comments, also those of documentation, are none.

use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The identifiers and string literals of a source.
#[derive(Debug, Default)]
pub struct Source {
    /// Each with its line.
    pub identifiers: Vec<(usize, String)>,
    /// As written, quotes included, each with the line it begins in.
    pub strings: Vec<(usize, String)>,
}

impl Source {
    /// Reads a source file. One that is no Rust names nothing: to complain of it is the compiler's task.
    ///
    /// # Errors
    /// It cannot be read.
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

/// `doc = "…"`, which is what a documentation comment is to the compiler.
fn is_doc(attribute: TokenStream) -> bool {
    matches!(attribute.into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_not_read_and_lines_are_counted() {
        let source =
            Source::of("//! axum\n// tokio\n/// sqlx\nfn f() { g(\"a\", r#\"b\nc\"#, 'd', 1); /* h */ }\n");
        let names: Vec<_> = source.identifiers.iter().map(|(line, name)| (*line, name.as_str())).collect();
        assert_eq!(names, [(4, "fn"), (4, "f"), (4, "g")]);
        assert_eq!(source.strings, [(4, "\"a\"".to_owned()), (4, "r#\"b\nc\"#".to_owned())]);
    }

    #[test]
    fn what_is_no_rust_names_nothing() {
        assert!(Source::of("use axum; \"a <<<<<<<").identifiers.is_empty());
    }
}
