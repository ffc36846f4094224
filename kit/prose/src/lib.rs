//! The language of everything a person reads here: pages, READMEs, comments, errors and log lines.
//!
//! [`text`] blanks out of a file what is not prose, [`rules`] finds what a reader would stumble over: a home-made word that
//! has a standard term (`words.toml`), and a sentence that begins with a bare *Who*. What needs taste, a machine does not see.
//! [`links`] finds the links that lead nowhere.

pub mod text;
pub mod rules;
pub mod links;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rules::Rules;

/// Recorded output, licences and the list of words itself.
const SKIPPED: [&str; 4] = ["book/captures/", "LICENSE", "kit/prose/words.toml", "Cargo.lock"];

/// Everything below a folder that breaks a rule, as `file:line: what is wrong and what to write`.
///
/// # Errors
/// A file or folder cannot be read.
pub fn violations(root: &Path) -> Result<Vec<String>> {
    let rules = Rules::of_the_course()?;
    let mut found = Vec::new();
    for path in chain::files::tracked(root)? {
        if SKIPPED.iter().any(|skipped| path.starts_with(skipped) || path.ends_with(skipped)) {
            continue;
        }
        let Some(kind) = text::Kind::of(&path) else { continue };
        let content = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        let violations = rules.violations(&text::prose(&content, kind));
        found.extend(violations.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")));
    }
    Ok(found)
}

/// The dead links of every Markdown file below a folder, as `file:line: link`. The book's pages are not among them: its own check
/// follows their links, those that directives insert included.
///
/// # Errors
/// A file or folder cannot be read.
pub fn dead_links(root: &Path) -> Result<Vec<String>> {
    let mut documents = BTreeMap::new();
    for path in chain::files::tracked(root)? {
        if text::Kind::of(&path) == Some(text::Kind::Markdown) && !path.starts_with("book/src/") {
            let text = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"))?;
            documents.insert(PathBuf::from(path), text);
        }
    }
    let dead = links::dead(root, &documents);
    Ok(dead.iter().map(|link| format!("{}:{}: {}", link.path.display(), link.line, link.target)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_sentence_is_found_in_each_kind_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let planted = format!("{} waits, {} again.", "Who", "asks");
        write("page.md", &format!("# Fine\n\n{planted}\n"));
        write("code.rs", &format!("fn f() {{\n    // {planted}\n    g(\"{planted}\");\n}}\n"));
        write("settings.toml", &format!("# {planted}\nkey = \"{planted}\"\n"));
        write("table.sql", &format!("-- {planted}\nselect 1;\n"));
        let found = violations(folder.path()).unwrap();
        let places: Vec<_> =
            found.iter().map(|line| line.split(": ").next().unwrap_or_default().to_owned()).collect();
        let expected = [
            "code.rs:2",
            "code.rs:2",
            "code.rs:3",
            "code.rs:3",
            "page.md:3",
            "page.md:3",
            "settings.toml:1",
            "settings.toml:1",
            "settings.toml:2",
            "settings.toml:2",
            "table.sql:1",
            "table.sql:1",
        ];
        assert_eq!(places, expected, "{found:#?}");
        assert!(found[0].contains("retry") || found[1].contains("retry"), "{found:#?}");
    }
}
