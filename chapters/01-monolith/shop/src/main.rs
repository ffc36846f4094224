//! Starts the shop: reads the configuration, opens the shop, serves requests until SIGTERM or Ctrl-C.

use std::{io::IsTerminal, time::Duration};

use anyhow::Context;
use clap::Parser;
use shop::{App, Config};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

/// How long requests in flight may take after a shutdown is requested.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_target(false)
        .with_ansi(std::io::stdout().is_terminal())
        .init();

    let config = Config::parse();
    let app = App::open(&config).await?;
    app.start_background_work();
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}: choose another address with --listen", config.listen)
    })?;
    tracing::info!("listening on http://{}", listener.local_addr()?);

    let (shutdown_tx, shutdown) = watch::channel(());
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("shutdown requested, finishing the requests in flight");
        drop(shutdown_tx);
    });
    let shutdown_requested =
        async |mut shutdown: watch::Receiver<()>| while shutdown.changed().await.is_ok() {};
    let serve =
        axum::serve(listener, app.router()).with_graceful_shutdown(shutdown_requested(shutdown.clone()));
    tokio::select! {
        served = serve => served?,
        // Without this limit, a client that never finishes sending its request would keep the process alive forever.
        () = async { shutdown_requested(shutdown).await; tokio::time::sleep(GRACE_PERIOD).await } => tracing::warn!("requests in flight were aborted"),
    }
    Ok(())
}
