//! How a service starts and how it stops.

use std::{io::IsTerminal, net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{Router, extract::State, routing::get};
use clap::Args;
use jiff::SignedDuration;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

use crate::{Bus, Db, requests::Requests};

/// How long requests that are under way have when a process is told to stop.
pub const GRACE: Duration = Duration::from_secs(3);

/// What every service can be told from outside.
#[derive(Clone, Debug, Args)]
pub struct Standing {
    /// The address to serve HTTP on; port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Where NATS is.
    #[arg(long, env, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
}

/// Reads a setting that is a time.
pub fn duration(text: &str) -> Result<SignedDuration, String> {
    let within = |duration: &SignedDuration| {
        duration.is_positive() && *duration <= SignedDuration::from_hours(24 * 365)
    };
    let duration = text.parse::<SignedDuration>().ok().filter(within);
    duration.ok_or_else(|| "must be a time like 250ms, 4s or 15m, at most a year (8760h)".to_owned())
}

/// Writes the log to standard output, in colour where somebody looks at it.
pub fn start_log() {
    // NATS's client tells of itself what this process tells already, with what it means here.
    let quiet = EnvFilter::new("info,async_nats=off");
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or(quiet))
        .with_target(false)
        .with_ansi(std::io::stdout().is_terminal())
        .init();
}

/// Tells those who wait for it that the process is to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<()>);

impl Stop {
    /// On SIGTERM and on Ctrl-C.
    pub fn on_signal() -> anyhow::Result<Self> {
        let (tell, told) = watch::channel(());
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            tracing::info!("stopping: answering what is under way");
            drop(tell);
        });
        Ok(Self(told))
    }

    /// Returns when it is time to stop.
    pub async fn told(mut self) {
        while self.0.changed().await.is_ok() {}
    }

    /// Returns when who was told has had time to do so.
    pub async fn overdue(self) {
        self.told().await;
        tokio::time::sleep(GRACE).await;
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

/// Answers the requests of a service until told to stop. Over HTTP it says only how it is.
pub async fn serve(requests: Requests, standing: &Standing, bus: Bus, db: Db) -> anyhow::Result<()> {
    let stop = Stop::on_signal()?;
    let listener = listen(standing.listen).await?;
    let health = Router::new()
        .route("/health/live", get(async || "alive"))
        .route("/health/ready", get(ready))
        .with_state((bus, db));
    tokio::spawn(async move { axum::serve(listener, health).await });
    tokio::select! {
        () = requests.answer(stop.clone().told()) => {}
        () = stop.overdue() => tracing::warn!("cut off what was under way"),
    }
    Ok(())
}

/// Ready is who can read its database and be reached.
async fn ready(
    State((bus, db)): State<(Bus, Db)>,
) -> Result<&'static str, crate::Error<std::convert::Infallible>> {
    sqlx::query("select count(*) from sqlite_schema").execute(&mut *db.read().await?).await?;
    if bus.is_connected() { Ok("ready") } else { Err(crate::Error::Busy) }
}
