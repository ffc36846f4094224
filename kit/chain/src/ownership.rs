//! Proves that the SQL of a crate names its own tables only. A crate owns the tables and views that the files in its
//! `migrations` folder create. A stage of one crate has no seam to cross, and passes. The tables that every service has are
//! one crate's, whoever creates them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result};

use crate::{Chain, Link, Violation, rust::Source};

/// What the text of a query or a part of one begins with. Other strings may name what they like.
const BEGINNINGS: [&str; 14] = [
    "select", "insert", "update", "delete", "replace", "with", "create", "alter", "drop", "from", "join",
    "left", "where", "union",
];

/// The crate of what every service needs, and its tables: no service reads or writes them by itself.
const PLUMBING: (&str, [&str; 3]) = ("chassis", ["idempotency", "inbox", "outbox"]);

/// Every line in a crate's sources and migrations that names a table of another crate of its stage.
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
        let (plumber, tables) = PLUMBING;
        if texts.iter().any(|text| text.owner == plumber) {
            owners.extend(tables.map(|table| (table, plumber)));
        }
        for text in &texts {
            for (line, name) in text.words.iter().collect::<BTreeSet<_>>() {
                let Some(other) = owners.get(name.as_str()).filter(|other| **other != text.owner) else {
                    continue;
                };
                let owner = text.owner;
                let reason = format!(
                    "the SQL of `{owner}` names {name}, a table of `{other}`; ask `{other}` for what you need"
                );
                violations.push(Violation::new(format!("{}:{line}", link.shown(text.path)), reason));
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
    /// In lower case, each with its line.
    words: Vec<(usize, String)>,
    is_migration: bool,
}

impl<'a> Text<'a> {
    /// None for files that are neither source nor migration.
    fn of(link: &Link, path: &'a str) -> Result<Option<Self>> {
        let (stem, extension) = path.rsplit_once('.').unwrap_or((path, ""));
        let file = link.folder.join(path);
        let text = match (stem.split_once("/src/"), stem.split_once("/migrations/"), extension) {
            (Some((owner, _)), _, "rs") => {
                Self { path, owner, words: words_in_strings(&Source::read(&file)?), is_migration: false }
            }
            (_, Some((owner, _)), "sql") => {
                let sql =
                    fs::read_to_string(&file).with_context(|| format!("cannot read {}", link.shown(path)))?;
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

/// The words of all strings that begin as SQL does.
fn words_in_strings(source: &Source) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (first, string) in &source.strings {
        // Every second piece between braces is a placeholder of `format!`.
        let pieces: Vec<_> = string.trim_start_matches(['r', '#']).split(['{', '}']).step_by(2).collect();
        let text = pieces.join(" ").replace("\\n", " ");
        let words: Vec<_> = sql_words(&text).map(|(line, word)| (first + line - 1, word)).collect();
        if words.first().is_some_and(|(_, word)| BEGINNINGS.contains(&word.as_str())) {
            all.extend(words);
        }
    }
    all
}

/// The names after `create table`, `create virtual table` and `create view`, with or without `if not exists`.
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

/// Words in lower case with their lines, the first of which is 1. Comments are none.
fn sql_words(text: &str) -> impl Iterator<Item = (usize, String)> {
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    code.zip(1..).flat_map(|(line, number)| {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        words.map(move |word| (number, word.to_lowercase())).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_views_are_created_with_whatever_stands_between() {
        let sql = "-- create table no\ncreate table a (id);\nCREATE VIRTUAL TABLE b using fts5(x);\n\
            create table if not exists c (d); create index i on a (id); create view v as select * from a;";
        let words: Vec<_> = sql_words(sql).map(|(_, word)| word).collect();
        assert_eq!(created(words.iter().map(String::as_str)), ["a", "b", "c", "v"]);
    }
}
