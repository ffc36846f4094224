//! Starts the shop: reads the configuration, opens the shop, serves until told to stop.

use std::io::IsTerminal;

use anyhow::Context;
use clap::Parser;
use shop::{App, Config};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

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

    let mut terminated = signal(SignalKind::terminate())?;
    let told_to_stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("stopping: answering what is under way");
    };
    axum::serve(listener, app.router()).with_graceful_shutdown(told_to_stop).await?;
    Ok(())
}
