//! Checks that the SQL of a crate uses only its own tables. A crate owns the tables and views that the files in its
//! `migrations` folder create. A stage with a single crate passes, because it owns every table. The tables of the chassis
//! belong to the chassis, even if the migrations of a service create them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};

use crate::{Chain, Link, Violation, rust::Source};

/// The words with which an SQL statement or a fragment of one begins. Other strings are not checked.
const SQL_BEGINNINGS: [&str; 14] = [
    "select", "insert", "update", "delete", "replace", "with", "create", "alter", "drop", "from", "join",
    "left", "where", "union",
];

/// The crate with the code that all services share, and its tables. A service does not access them directly.
const SHARED: (&str, [&str; 3]) = ("chassis", ["idempotency", "inbox", "outbox"]);

/// Finds every line in the sources and migrations of a crate that names a table of another crate of the stage.
///
/// # Errors
/// A file cannot be read.
pub fn check(chain: &Chain) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for link in &chain.links {
        let texts = link.files.paths.iter().filter_map(|path| Text::of(link, path).transpose());
        let texts: Vec<_> = texts.collect::<Result<_>>()?;
        let mut owners = BTreeMap::new();
        for text in &texts {
            owners.extend(text.created().into_iter().map(|table| (table, text.owner)));
        }
        let (shared, tables) = SHARED;
        if texts.iter().any(|text| text.owner == shared) {
            owners.extend(tables.map(|table| (table, shared)));
        }
        for text in &texts {
            for (line, name) in text.words.iter().collect::<BTreeSet<_>>() {
                let Some(other) = owners.get(name.as_str()).filter(|other| **other != text.owner) else {
                    continue;
                };
                let owner = text.owner;
                let reason = format!(
                    "the SQL of `{owner}` uses {name}, a table of `{other}`; use the interface of `{other}` instead"
                );
                violations.push(Violation::new(format!("{}:{line}", link.path_of(text.path)), reason));
            }
        }
    }
    Ok(violations)
}

/// The SQL in a file.
struct Text<'a> {
    path: &'a str,
    /// The folder of the crate that the file belongs to.
    owner: &'a str,
    /// The words in lower case, each with its line.
    words: Vec<(usize, String)>,
    is_migration: bool,
}

impl<'a> Text<'a> {
    /// Reads the SQL of a file. `None` if the file is neither a source file nor a migration.
    fn of(link: &Link, path: &'a str) -> Result<Option<Self>> {
        let (stem, extension) = path.rsplit_once('.').unwrap_or((path, ""));
        let file = link.folder.join(path);
        let text = match (stem.split_once("/src/"), stem.split_once("/migrations/"), extension) {
            (Some((owner, _)), _, "rs") => {
                Self { path, owner, words: words_in_strings(&Source::read(&file)?), is_migration: false }
            }
            (_, Some((owner, _)), "sql") => {
                let sql = fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", link.path_of(path)))?;
                Self { path, owner, words: sql_words(&sql).collect(), is_migration: true }
            }
            _ => return Ok(None),
        };
        Ok(Some(text))
    }

    /// The tables and views that it creates.
    fn created(&self) -> Vec<&str> {
        if self.is_migration { created(self.words.iter().map(|(_, word)| word.as_str())) } else { Vec::new() }
    }
}

/// The words of all strings that begin like SQL.
fn words_in_strings(source: &Source) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (first, string) in &source.strings {
        // Splitting at braces makes every second piece a placeholder of `format!`; skip those.
        let pieces: Vec<_> = string.trim_start_matches(['r', '#']).split(['{', '}']).step_by(2).collect();
        let text = pieces.join(" ").replace("\\n", " ");
        let words: Vec<_> = sql_words(&text).map(|(line, word)| (first + line - 1, word)).collect();
        if words.first().is_some_and(|(_, word)| SQL_BEGINNINGS.contains(&word.as_str())) {
            all.extend(words);
        }
    }
    all
}

/// The names of the created tables and views, with or without `virtual`, `temporary` and `if not exists`.
fn created<'a>(mut words: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    let mut created = Vec::new();
    while words.any(|word| word == "create") {
        let mut rest = words.clone().skip_while(|word| matches!(*word, "virtual" | "temp" | "temporary"));
        if matches!(rest.next(), Some("table" | "view")) {
            created.extend(rest.find(|word| !matches!(*word, "if" | "not" | "exists")));
        }
    }
    created
}

/// The words in lower case with their line numbers, starting at 1. Comments and text in single quotes are skipped.
fn sql_words(text: &str) -> impl Iterator<Item = (usize, String)> {
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    code.zip(1..).flat_map(|(line, number)| {
        let unquoted = line.split('\'').step_by(2);
        let words = unquoted.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let words = words.filter(|word| !word.is_empty());
        words.map(move |word| (number, word.to_lowercase())).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_quotes_names_no_table() {
        let words: Vec<_> =
            sql_words("select '/orders/' || id, 'it''s' from carts").map(|(_, word)| word).collect();
        assert_eq!(words, ["select", "id", "from", "carts"]);
    }

    #[test]
    fn created_tables_and_views_are_found_in_every_form_of_the_statement() {
        let sql = "-- create table no\ncreate table a (id);\nCREATE VIRTUAL TABLE b using fts5(x);\n\
            create table if not exists c (d); create index i on a (id); create view v as select * from a;";
        let words: Vec<_> = sql_words(sql).map(|(_, word)| word).collect();
        assert_eq!(created(words.iter().map(String::as_str)), ["a", "b", "c", "v"]);
    }
}
