//! The database: one SQLite file, one writer, several readers.
//!
//! SQLite lets one transaction write at a time. So this process has one connection that writes, and who wants it
//! queues for it here, in order, instead of meeting `SQLITE_BUSY` there. Readers have their own connections: in WAL
//! mode they never wait for the writer, nor it for them.

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

/// Each is a thread of sqlx's. Four read more than one or two on two cores; more did not read more.
const READERS: u32 = 4;

/// How long a request waits for a connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The two ways to the database file.
#[derive(Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Db {
    /// Opens the file, and creates it where there is none.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when it returns. NORMAL is faster, and a power cut could undo a sale that was told.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging();
        let writer = pool(1)
            .connect_with(options.clone())
            .await
            .with_context(|| format!("cannot open the database {}", path.display()))?;
        let readers = pool(READERS).connect_with(options.read_only(true)).await?;
        let db = Self { readers, writer };
        db.migrate(sqlx::migrate!()).await?;
        Ok(db)
    }

    /// The same database, with readers of its own: who reads much keeps nobody else from reading.
    pub async fn with_own_readers(&self) -> sqlx::Result<Self> {
        let options = self.readers.connect_options().as_ref().clone();
        Ok(Self { readers: pool(READERS).connect_with(options).await?, writer: self.writer.clone() })
    }

    /// Brings the tables of one context up to date. The other contexts' are none of its business.
    pub async fn migrate(&self, mut migrations: Migrator) -> anyhow::Result<()> {
        migrations.set_ignore_missing(true);
        migrations.run(&self.writer).await.context("cannot bring the tables of the database up to date")
    }

    /// A connection to read with. Two statements on it may see two states: what must fit together is one statement.
    pub async fn read(&self) -> sqlx::Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await
    }

    /// A transaction to write with; undone when dropped, done by `commit`.
    ///
    /// It begins as a writer. One that began as a reader and wrote later would fail whenever another had written in
    /// between, and no time-out helps against that.
    pub async fn write(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("begin immediate").await
    }
}

/// Waits until no other instance is making the tables, and lets none begin until the file is dropped.
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

/// The present, to the microsecond: no more is stored.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// A time as the tables have it: of one width, so that it compares as text.
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

/// Reads from a text column what has a text form.
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
    fn times_of_one_width_compare_as_text() {
        let second = Timestamp::from_second(1_700_000_000).unwrap();
        let later = Timestamp::from_microsecond(second.as_microsecond() + 1).unwrap();
        assert_eq!(to_column(second), "2023-11-14T22:13:20.000000Z");
        assert!(to_column(second) < to_column(later));
    }
}
