//! The best that this machine can do: an axum handler with one point read, and one with one committed row.
//!
//! It is a process of its own, like the shop, with the same pools and the same pragmas. `limits guard` is the guard of the
//! stages that a benchmark starts.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use benches::catalogue;
use clap::{Parser, Subcommand};
use serde::Serialize;
use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Config {
    /// The address to serve HTTP on
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The database file
    #[arg(long, env, default_value = "limits.db")]
    database: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// End the process groups that standard input names when it closes
    Guard,
}

struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
}

#[derive(Serialize, sqlx::FromRow)]
struct Product {
    id: String,
    name: String,
    description: String,
    price: i64,
    currency: String,
    available: i64,
    created_at: String,
    updated_at: String,
}

fn main() -> Result<()> {
    let config = Config::parse();
    match config.command {
        Some(Command::Guard) => Ok(stage::guard::run(std::io::stdin().lock())?),
        None => serve(&config),
    }
}

#[tokio::main]
async fn serve(config: &Config) -> Result<()> {
    let db = Arc::new(open(&config.database).await?);
    let router = Router::new()
        .route("/health/ready", get(async || "ready"))
        .route("/products/{id}", get(read))
        .route("/rows", post(commit))
        .with_state(db);
    axum::serve(TcpListener::bind(config.listen).await?, router).await?;
    Ok(())
}

async fn open(path: &std::path::Path) -> Result<Db> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = |connections| SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    let writer = pool(1).connect_with(options.clone()).await?;
    fill(&writer).await?;
    Ok(Db { writer, readers: pool(4).connect_with(options.read_only(true)).await? })
}

/// As many products as the shop has, with ids of the same form.
async fn fill(writer: &SqlitePool) -> Result<()> {
    let tables = "create table rows (seq integer primary key, text text not null) strict;
        create table products (seq integer primary key, id text not null unique, name text not null,
            description text not null, price integer not null, currency text not null, available integer not null,
            created_at text not null, updated_at text not null) strict;";
    sqlx::raw_sql(tables).execute(writer).await?;
    let mut once = writer.begin().await?;
    for n in 0..*catalogue::PRODUCTS {
        let product = catalogue::product(n);
        sqlx::query("insert into products values ($1, $2, $3, $4, $5, $6, $7, $8, $8)")
            .bind(n)
            .bind(catalogue::bare_id(n))
            .bind(product.name)
            .bind(product.description)
            .bind(i64::try_from(product.price.amount)?)
            .bind(product.price.currency)
            .bind(product.stock)
            .bind("2023-11-14T22:13:20.000000Z")
            .execute(&mut *once)
            .await?;
    }
    Ok(once.commit().await?)
}

async fn read(State(db): State<Arc<Db>>, Path(id): Path<String>) -> Result<Json<Product>, StatusCode> {
    let product =
        sqlx::query_as("select * from products where id = $1").bind(id).fetch_optional(&db.readers).await;
    product.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn commit(State(db): State<Arc<Db>>, text: String) -> StatusCode {
    let committed = sqlx::query("insert into rows (text) values ($1)").bind(text).execute(&db.writer).await;
    committed.map_or(StatusCode::INTERNAL_SERVER_ERROR, |_| StatusCode::CREATED)
}
