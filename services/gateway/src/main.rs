//! Starts the gateway: parses the settings, connects, and serves until a shutdown is requested.

use std::{net::SocketAddr, sync::Arc};

use chassis::process::{self, Shutdown};
use clap::Parser;
use gateway::{App, Config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = Arc::new(App::open(&config).await?);
    app.start_background_tasks();
    let listener = process::listen(config.listen).await?;

    let shutdown = Shutdown::on_signal()?;
    let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().requested());
    tokio::select! {
        result = serving.into_future() => result?,
        () = shutdown.grace_period_over() => tracing::warn!("requests in flight were aborted"),
    }
    Ok(())
}
