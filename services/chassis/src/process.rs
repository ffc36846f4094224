//! What the processes of all services have in common: settings, logging, and how they serve.

use std::{future::pending, io::IsTerminal, net::SocketAddr};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use clap::Args;
use jiff::SignedDuration;
use tracing_subscriber::EnvFilter;

use crate::{
    Bus, Db,
    error::error_chain,
    lifecycle::{self, Tasks},
    requests::Requests,
    server,
};

/// The settings that every service has.
#[derive(Clone, Debug, Args)]
pub struct CommonArgs {
    /// The address to serve HTTP on; port 0 selects a free one.
    #[arg(long, env, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// The address of the NATS server.
    #[arg(long, env, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
}

/// Parses a setting that is a duration.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let in_range = |duration: &SignedDuration| {
        duration.is_positive() && *duration <= SignedDuration::from_hours(24 * 365)
    };
    let duration = text.parse::<SignedDuration>().ok().filter(in_range);
    duration.ok_or_else(|| "must be a duration like 250ms, 4s or 15m, at most a year (8760h)".to_owned())
}

/// Writes the log to standard output, in colour on a terminal.
pub fn init_logging() {
    // The NATS client logs the connection events that `bus::connect` logs already, with less context.
    let default = EnvFilter::new("info,async_nats=off");
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or(default))
        .with_target(false)
        .with_ansi(std::io::stdout().is_terminal())
        .init();
}

/// Serves the requests of a service until a shutdown is requested. Over HTTP the process serves only its health.
pub async fn serve(
    requests: Requests,
    mut tasks: Tasks,
    args: &CommonArgs,
    bus: Bus,
    db: Db,
) -> anyhow::Result<()> {
    let shutdown = lifecycle::shutdown_on_signal()?;
    let listener = server::listen(args.listen).await?;
    let health = Router::new()
        .route("/health/live", get(async || "alive"))
        .route("/health/ready", get(ready))
        .with_state((bus, db));
    tasks.spawn("health server", server::serve(listener, health, pending()));
    lifecycle::run(requests.serve(shutdown.clone().cancelled_owned()), tasks, shutdown).await
}

/// A service is ready when it can read its database, every stream exists, and its consumers make progress. Otherwise the
/// response says why not. A service that is not ready is alive: it recovers by itself.
async fn ready(State((bus, db)): State<(Bus, Db)>) -> Result<&'static str, (StatusCode, String)> {
    let not_ready = |reason| (StatusCode::SERVICE_UNAVAILABLE, reason);
    read_database(&db).await.map_err(|error| not_ready(error_chain(&error)))?;
    bus.ready().await.map_err(not_ready)?;
    Ok("ready")
}

async fn read_database(db: &Db) -> sqlx::Result<()> {
    sqlx::query("select count(*) from sqlite_schema").execute(&mut *db.read().await?).await?;
    Ok(())
}
