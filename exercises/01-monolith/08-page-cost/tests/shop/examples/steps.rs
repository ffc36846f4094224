//! Counts the steps of a query: `cargo run -q -p shop --example steps -- "select …"`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use shop::Db;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

/// Adds 1,000 products, of which product `seq` costs between 1.00 and 2.00.
const PRODUCTS: &str = "
    with recursive n (seq) as (select 1 union all select seq + 1 from n where seq < 1000)
    insert into products (seq, id, name, description, words, price, received, available, created_at, updated_at)
    select seq, printf('%08d-0000-7000-8000-000000000000', seq), 'Mug ' || seq, '', '', 100 + seq * 7 % 101, 1, 1, '', ''
    from n";

/// How many rows a query returns, and how many steps SQLite's virtual machine makes for it.
pub async fn steps(query: &str) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    Db::open(&file).await.unwrap().migrate(&sqlx::migrate!()).await.unwrap();
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query(PRODUCTS).execute(&mut conn).await.unwrap();

    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    };
    conn.lock_handle().await.unwrap().set_progress_handler(1, count);
    let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(&mut conn).await.unwrap();
    (rows.len(), steps.load(Ordering::Relaxed))
}

#[tokio::main]
#[allow(dead_code)] // the test that measures again has its own
async fn main() {
    let query = std::env::args().nth(1).expect("give a query: -- \"select …\"");
    let (rows, steps) = steps(&query).await;
    println!("{rows} rows, {steps} steps");
}
