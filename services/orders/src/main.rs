//! Starts the orders service: parses the settings, connects, and serves until a shutdown is requested.

use chassis::{Bus, outbox::Relay, process, requests::Requests, retention, web};
use clap::Parser;
use orders::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.common.nats_url).await?;

    tokio::spawn(Relay::new(app.db(), &bus).run());
    tokio::spawn(orders::consumer(&app, &bus).run());
    tokio::spawn(orders::run_worker(app.clone()));
    tokio::spawn(retention::prune_hourly(app.db().clone()));

    let db = app.db().clone();
    let router = web::with_middleware(orders::router().with_state(app));
    let requests = Requests::subscribe(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    process::serve(requests, &config.common, bus, db).await
}
