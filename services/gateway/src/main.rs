//! Starts the gateway: parses the settings, connects, and serves until a shutdown is requested.

use std::sync::Arc;

use chassis::{
    lifecycle::{self, Tasks},
    process, server,
};
use clap::Parser;
use gateway::{App, Config};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = Arc::new(App::open(&config).await?);
    let mut tasks = Tasks::default();
    app.start_background_tasks(&mut tasks);

    let shutdown = lifecycle::shutdown_on_signal()?;
    let listener = server::listen(config.listen).await?;
    let serving = server::serve(listener, app.router(), shutdown.clone().cancelled_owned());
    lifecycle::run(serving, tasks, shutdown).await
}
