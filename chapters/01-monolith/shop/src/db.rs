//! The database: one SQLite file, one writer, several readers.
//!
//! SQLite allows one write transaction at a time. So this process has a single connection for writing, and use cases
//! queue for it in order instead of failing with `SQLITE_BUSY`. Reads use their own connections: in WAL mode, readers
//! and the writer do not block each other.

use std::{fs::File, path::Path, str::FromStr, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use sqlx::{
    ConnectOptions, Row, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use uuid::{Uuid, fmt::Hyphenated};

/// Connections for reading; sqlx runs each on a thread of its own. On two cores, four had a higher throughput than one or
/// two, and more than four did not add to it.
const READERS: u32 = 4;

/// How long a request waits for a connection, or for a lock on the file, before it fails with 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections to the database file: one for writing, several for reading.
#[derive(Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Db {
    /// Opens the file, and creates it if it does not exist.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // `commit` returns after the data is on the disk. NORMAL would be faster, but a power cut could lose a sale
            // that the customer has a confirmation of.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging();
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .with_context(|| format!("cannot open the database {}", path.display()))?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    /// Runs the migrations that are still missing.
    pub async fn migrate(&self, migrations: &Migrator) -> anyhow::Result<()> {
        migrations.run(&self.writer).await.context("cannot migrate the database")
    }

    /// A connection for reading. Two statements on it may see different states of the database, so data that must be
    /// consistent is read in one statement.
    pub async fn read(&self) -> sqlx::Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await
    }

    /// A transaction for writing. It takes effect at `commit`, and is rolled back if it is dropped before.
    ///
    /// `begin immediate` takes the write lock at once. A transaction that starts with a read and upgrades later fails
    /// with `SQLITE_BUSY` if another process wrote in between, and the busy timeout does not apply to that case.
    pub async fn write(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("begin immediate").await
    }
}

/// Takes a file lock, so that only one instance migrates the database at a time. The lock is released when the file is
/// dropped.
pub async fn lock_for_migration(path: &Path) -> anyhow::Result<File> {
    let path = path.with_extension("lock");
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await?.context("cannot lock the database")
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
}

/// The current time, truncated to the microsecond, which is the precision of the tables.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// Formats a time for a column. All times have the same width, so that comparing them as text orders them by time.
pub fn to_column(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Reads a time from a column.
pub fn timestamp(row: &SqliteRow, column: &str) -> sqlx::Result<Timestamp> {
    parse_column(column, row.try_get(column)?)
}

/// Reads a time from a column that may be null.
pub fn optional_timestamp(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    row.try_get::<Option<&str>, _>(column)?.map(|text| parse_column(column, text)).transpose()
}

/// Reads an id from a column.
pub fn uuid(row: &SqliteRow, column: &str) -> sqlx::Result<Uuid> {
    Ok(row.try_get::<Hyphenated, _>(column)?.into_uuid())
}

/// Parses the text of a column into a type with a [`FromStr`].
pub fn parse_column<T: FromStr>(column: &str, text: &str) -> sqlx::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse()
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_width_and_compare_as_text() {
        let second = Timestamp::from_second(1_700_000_000).unwrap();
        let later = Timestamp::from_microsecond(second.as_microsecond() + 1).unwrap();
        assert_eq!(to_column(second), "2023-11-14T22:13:20.000000Z");
        assert!(to_column(second) < to_column(later));
    }
}
