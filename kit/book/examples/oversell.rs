//! Eight customers try 800 times to buy one of 100 units, in two ways. Chapter 1 shows the output.

use anyhow::Result;
use sqlx::{
    SqliteConnection, SqlitePool, query, query_scalar,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

const STOCK: i64 = 100;
const CUSTOMERS: u32 = 8;
const ATTEMPTS: u32 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true);
    let file = file.journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(CUSTOMERS).connect_with(file).await?;
    query("create table products (available integer not null)").execute(&pool).await?;
    query("insert into products values (0)").execute(&pool).await?;

    let attempts = CUSTOMERS * ATTEMPTS;
    let sold = sell(&pool, async |conn| read_then_write(conn).await).await?;
    println!(
        "read, then write:   {sold} of {STOCK} units sold to {CUSTOMERS} customers who asked {attempts} times"
    );
    let sold = sell(&pool, async |conn| conditional_update(conn).await).await?;
    println!(
        "conditional update: {sold} of {STOCK} units sold to {CUSTOMERS} customers who asked {attempts} times"
    );
    Ok(())
}

/// Two statements: another customer's statements may run between them.
async fn read_then_write(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    let available: i64 = query_scalar("select available from products").fetch_one(&mut *conn).await?;
    if available < 1 {
        return Ok(false);
    }
    query("update products set available = $1").bind(available - 1).execute(conn).await?;
    Ok(true)
}

/// One statement, which checks the stock and takes a unit.
async fn conditional_update(conn: &mut SqliteConnection) -> sqlx::Result<bool> {
    let update = query("update products set available = available - 1 where available >= 1");
    Ok(update.execute(conn).await?.rows_affected() == 1)
}

/// Fills the stock, lets all customers buy at once, each over a connection of its own, and counts the units sold.
async fn sell(
    pool: &SqlitePool,
    buy: impl AsyncFn(&mut SqliteConnection) -> sqlx::Result<bool>,
) -> Result<u32> {
    query("update products set available = $1").bind(STOCK).execute(pool).await?;
    let customer = async || -> sqlx::Result<u32> {
        let mut conn = pool.acquire().await?;
        let mut bought = 0;
        for _ in 0..ATTEMPTS {
            bought += u32::from(buy(&mut conn).await?);
        }
        Ok(bought)
    };
    let customers = (0..CUSTOMERS).map(|_| customer());
    Ok(futures_util::future::try_join_all(customers).await?.iter().sum())
}
