//! `audit.toml` of a stage: SQL queries that look for violations in its databases.
//!
//! ```toml
//! dead_letters = "DEAD_LETTERS"        # the dead-letter stream
//!
//! [[query]]                            # each row is a violation; the first column describes it
//! invariant = "at-rest"
//! database = "orders.db"               # a database of chapter.toml
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

/// The violations that the queries found, by invariant. An invariant that has a query but no violation maps to an empty
/// list.
pub type QueryResults = BTreeMap<String, Vec<String>>;

/// A parsed `audit.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Queries {
    /// The name of the dead-letter stream.
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

/// The name of the dead-letter stream of a stage. None if its `audit.toml` names none.
///
/// # Errors
/// The `audit.toml` cannot be read.
pub fn dead_letter_stream(stage: &Status) -> Result<Option<String>> {
    Ok(Queries::load(stage)?.dead_letters)
}

impl Queries {
    /// Reads the `audit.toml` of a stage. A stage without that file has no queries.
    pub(crate) fn load(stage: &Status) -> Result<Self> {
        let file = stage.workspace.join("audit.toml");
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read.with_context(|| format!("cannot read {}", file.display()))?,
        };
        Self::parse(&text, stage).with_context(|| format!("invalid {}", file.display()))
    }

    fn parse(text: &str, stage: &Status) -> Result<Self> {
        let queries: Self = toml::from_str(text)?;
        for Query { invariant, database, .. } in &queries.queries {
            if !invariants::names().any(|name| name == invariant) {
                let names: Vec<_> = invariants::names().collect();
                bail!("unknown invariant `{invariant}`; use one of {}", names.join(", "));
            }
            if file(stage, database).is_none() {
                bail!("unknown database `{database}`; use one of chapter.toml");
            }
        }
        Ok(queries)
    }

    /// Runs the queries on the databases of a stage, which are opened read-only.
    ///
    /// # Errors
    /// A database cannot be read, or a query is not valid SQL.
    pub(crate) async fn run(&self, stage: &Status) -> Result<QueryResults> {
        let mut results = QueryResults::new();
        for query in &self.queries {
            let database = file(stage, &query.database).unwrap_or(Path::new(&query.database));
            let found = query.run(database).await;
            let found = found
                .with_context(|| format!("audit.toml: cannot query {}: `{}`", query.database, query.sql))?;
            results.entry(query.invariant.clone()).or_default().extend(found);
        }
        Ok(results)
    }
}

impl Query {
    async fn run(&self, database: &Path) -> Result<Vec<String>> {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection: SqliteConnection = options.disable_statement_logging().connect().await?;
        let rows = sqlx::query(AssertSqlSafe(self.sql.as_str())).fetch_all(&mut connection).await?;
        connection.close().await?;
        // Unchecked, so that a column of numbers can be read as text too.
        rows.iter().map(|row| Ok(row.try_get_unchecked(0)?)).collect()
    }
}

fn file<'a>(stage: &'a Status, database: &str) -> Option<&'a Path> {
    let mut files = stage.databases.iter().map(PathBuf::as_path);
    files.find(|file| file.file_name().is_some_and(|name| name == database))
}
