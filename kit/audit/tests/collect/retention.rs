//! The queries in `services/audit.toml`, run on databases with the real tables after old rows were pruned.

use std::{
    fs,
    path::{Path, PathBuf},
};

use audit::{Verdict, audit};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use stage::Status;
use tempfile::TempDir;

use crate::shop::FakeShop;

/// The databases of chapter 8, without rows, and its `audit.toml`.
struct Databases {
    folder: TempDir,
    status: Status,
}

impl Databases {
    async fn new() -> Self {
        let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
        let folder = TempDir::new().unwrap();
        fs::copy(services.join("audit.toml"), folder.path().join("audit.toml")).unwrap();
        let mut status = FakeShop::default().serve().await;
        status.workspace = folder.path().to_owned();
        for service in ["users", "products", "orders"] {
            let file = folder.path().join(format!("{service}.db"));
            for owner in [service, "chassis"] {
                for migration in migrations(&services.join(owner)) {
                    execute(&file, &fs::read_to_string(migration).unwrap()).await;
                }
            }
            status.databases.push(file);
        }
        Self { folder, status }
    }

    /// Stores a reservation of an order that was placed `age` ago, after two commands.
    async fn add_reservation(&self, age: SignedDuration) {
        let order = uuid_of(Timestamp::now() - age);
        let row = format!("insert into reservations values ('{order}', 'sold', null, 2)");
        execute(&self.folder.path().join("products.db"), &row).await;
    }

    /// Stores the ids of two commands that were handled.
    async fn add_two_handled_commands(&self) {
        let now = Timestamp::now();
        for _ in 0..2 {
            let row = format!("insert into inbox values ('{}', '{now}')", uuid_of(now));
            execute(&self.folder.path().join("products.db"), &row).await;
        }
    }

    async fn verdict(&self) -> Verdict {
        let report = audit(&self.status, None).await.unwrap();
        report.findings.into_iter().find(|finding| finding.invariant == "no-double-effect").unwrap().verdict
    }
}

fn migrations(service: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(service.join("migrations")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

async fn execute(file: &Path, sql: &str) {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A UUID of version 7 with this time.
fn uuid_of(time: Timestamp) -> uuid::Uuid {
    let (seconds, nanos) = (time.as_second().unsigned_abs(), time.subsec_nanosecond().unsigned_abs());
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

#[tokio::test]
async fn commands_and_reservations_are_compared_while_no_row_can_have_been_pruned() {
    let databases = Databases::new().await;
    databases.add_reservation(SignedDuration::from_hours(1)).await;
    let Verdict::Broken { found } = databases.verdict().await else { panic!("two commands are missing") };
    assert_eq!(found.len(), 1, "{found:?}");

    databases.add_two_handled_commands().await;
    assert!(!matches!(databases.verdict().await, Verdict::Broken { .. }));
}

#[tokio::test]
async fn a_pruned_inbox_does_not_break_no_double_effect() {
    let databases = Databases::new().await;
    databases.add_reservation(SignedDuration::from_hours(10 * 24)).await;
    databases.add_reservation(SignedDuration::from_hours(1)).await;
    databases.add_two_handled_commands().await;
    let verdict = databases.verdict().await;
    assert!(!matches!(verdict, Verdict::Broken { .. }), "{verdict:?}");
}
