//! Starts the shop: reads the configuration, opens the shop, serves until told to stop.

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

/// How long requests that are under way have when the shop is told to stop.
const GRACE: Duration = Duration::from_secs(3);

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
        tracing::info!("stopping: answering what is under way");
        drop(shutdown_tx);
    });
    let shutdown_requested =
        async |mut shutdown: watch::Receiver<()>| while shutdown.changed().await.is_ok() {};
    let serve =
        axum::serve(listener, app.router()).with_graceful_shutdown(shutdown_requested(shutdown.clone()));
    tokio::select! {
        served = serve => served?,
        // A request that is never sent whole would keep this process for ever. Nothing is lost that was answered.
        () = async { shutdown_requested(shutdown).await; tokio::time::sleep(GRACE).await } => tracing::warn!("cut off what was under way"),
    }
    Ok(())
}
