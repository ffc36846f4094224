//! How the process of a service starts and shuts down.

use std::{io::IsTerminal, net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use clap::Args;
use jiff::SignedDuration;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

use crate::{Bus, Db, error::error_chain, requests::Requests};

/// How long requests in flight may take after a shutdown is requested.
pub const GRACE_PERIOD: Duration = Duration::from_secs(3);

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

/// Notifies its clones when the process is to shut down.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<()>);

impl Shutdown {
    /// A shutdown that SIGTERM or Ctrl-C requests.
    pub fn on_signal() -> anyhow::Result<Self> {
        let (sender, receiver) = watch::channel(());
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            tracing::info!("shutdown requested, finishing the requests in flight");
            drop(sender);
        });
        Ok(Self(receiver))
    }

    /// Waits until a shutdown is requested.
    pub async fn requested(mut self) {
        while self.0.changed().await.is_ok() {}
    }

    /// Waits until a shutdown is requested and the grace period is over.
    pub async fn grace_period_over(self) {
        self.requested().await;
        tokio::time::sleep(GRACE_PERIOD).await;
    }
}

/// Listens for HTTP.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another address with --listen"))?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// Serves the requests of a service until a shutdown is requested. Over HTTP the process serves only its health.
pub async fn serve(requests: Requests, args: &CommonArgs, bus: Bus, db: Db) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signal()?;
    let listener = listen(args.listen).await?;
    let health = Router::new()
        .route("/health/live", get(async || "alive"))
        .route("/health/ready", get(ready))
        .with_state((bus, db));
    tokio::spawn(async move { axum::serve(listener, health).await });
    tokio::select! {
        () = requests.serve(shutdown.clone().requested()) => {}
        () = shutdown.grace_period_over() => tracing::warn!("requests in flight were aborted"),
    }
    Ok(())
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
