//! Runs the payment sandbox on `LISTEN` with the ledger in `LEDGER`. SIGTERM and Ctrl-C stop it.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use payment_sandbox::Ledger;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// A payment provider for tests and workshops. It moves no real money.
#[derive(Parser)]
#[command(version)]
struct Configuration {
    /// Address to listen on; port 0 selects a free port, which the log shows
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// SQLite file with all charges and refunds; created if it is missing
    #[arg(long, env = "LEDGER", default_value = "ledger.db")]
    ledger: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let colour = std::io::stdout().is_terminal();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).init();
    let Configuration { listen, ledger } = Configuration::parse();

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let opened = Ledger::open(&ledger)
        .await
        .with_context(|| format!("cannot open the ledger {}", ledger.display()))?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!("payment sandbox listening on {}", listener.local_addr()?);
    tokio::select! {
        served = payment_sandbox::serve(listener, opened) => served.context("cannot serve requests"),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
