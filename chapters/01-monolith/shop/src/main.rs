//! Starts the shop: reads the configuration, opens the shop, serves requests until SIGTERM or Ctrl-C.

use std::io::IsTerminal;

use clap::Parser;
use shop::{
    App, Config,
    lifecycle::{self, Tasks},
    server,
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
    let mut tasks = Tasks::default();
    app.start_background_work(&mut tasks);

    let shutdown = lifecycle::shutdown_on_signal()?;
    let listener = server::listen(config.listen).await?;
    let serving = server::serve(listener, app.router(), shutdown.clone().cancelled_owned());
    lifecycle::run(serving, tasks, shutdown).await
}
