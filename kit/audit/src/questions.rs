//! `audit.toml` of a stage: what only its databases tell, asked in SQL.
//!
//! ```toml
//! dead_letters = "DEAD_LETTERS"        # the stream of what was poison
//!
//! [[query]]                            # each row it finds is a violation, its first column says which
//! invariant = "at-rest"
//! database = "orders.db"               # as in chapter.toml
//! sql = "select 'outbox row ' || id || ' is not published' from outbox"
//! ```

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use stage::Status;

use crate::invariants;

/// What was found, by invariant. One that is asked about and has no violation is there, and empty.
pub type Answers = BTreeMap<String, Vec<String>>;

/// A parsed `audit.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Questions {
    /// The stream of dead letters.
    pub(crate) dead_letters: Option<String>,
    #[serde(rename = "query")]
    queries: Vec<Query>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    invariant: String,
    database: String,
    sql: String,
}

impl Questions {
    /// Those of a stage. One that has no `audit.toml` asks nothing.
    pub(crate) fn of(stage: &Status) -> Result<Self> {
        let file = stage.workspace.join("audit.toml");
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.with_context(|| format!("cannot read {}", file.display()))?,
        };
        Self::parse(&text, stage).with_context(|| format!("{} cannot be used", file.display()))
    }

    fn parse(text: &str, stage: &Status) -> Result<Self> {
        let questions: Self = toml::from_str(text)?;
        for Query { invariant, database, .. } in &questions.queries {
            if !invariants::names().any(|name| name == invariant) {
                let names: Vec<_> = invariants::names().collect();
                bail!("there is no invariant `{invariant}`; write one of {}", names.join(", "));
            }
            if file(stage, database).is_none() {
                bail!("the stage has no database `{database}`; write one of chapter.toml");
            }
        }
        Ok(questions)
    }

    /// Asks the databases of a stage, in which nothing is changed.
    ///
    /// # Errors
    /// A database cannot be read, or a query is none that it understands.
    pub(crate) async fn ask(&self, stage: &Status) -> Result<Answers> {
        let mut answers = Answers::new();
        for query in &self.queries {
            let database = file(stage, &query.database).unwrap_or(Path::new(&query.database));
            let found = query.ask(database).await;
            let found = found
                .with_context(|| format!("audit.toml: cannot ask {} `{}`", query.database, query.sql))?;
            answers.entry(query.invariant.clone()).or_default().extend(found);
        }
        Ok(answers)
    }
}

impl Query {
    async fn ask(&self, database: &Path) -> Result<Vec<String>> {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection: SqliteConnection = options.disable_statement_logging().connect().await?;
        let rows = sqlx::query(AssertSqlSafe(self.sql.as_str())).fetch_all(&mut connection).await?;
        connection.close().await?;
        // Unchecked, for a number is as good a text as any.
        rows.iter().map(|row| Ok(row.try_get_unchecked(0)?)).collect()
    }
}

fn file<'a>(stage: &'a Status, database: &str) -> Option<&'a Path> {
    let mut files = stage.databases.iter().map(PathBuf::as_path);
    files.find(|file| file.file_name().is_some_and(|name| name == database))
}
