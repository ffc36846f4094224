//! Starts the gateway: reads the configuration, opens the gateway, serves until told to stop.

use std::{net::SocketAddr, sync::Arc};

use chassis::process::{self, Stop};
use clap::Parser;
use gateway::{App, Config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::start_log();
    let config = Config::parse();
    let app = Arc::new(App::open(&config).await?);
    app.start_background_work();
    let listener = process::listen(config.listen).await?;

    let stop = Stop::on_signal()?;
    let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, service).with_graceful_shutdown(stop.clone().told()).into_future() => served?,
        () = stop.overdue() => tracing::warn!("cut off what was under way"),
    }
    Ok(())
}
