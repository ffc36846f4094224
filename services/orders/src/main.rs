//! Starts the service of orders: reads the configuration, connects, serves until told to stop.

use chassis::{Bus, forget::keep_forgetting, outbox::Relay, process, requests::Requests, web};
use clap::Parser;
use orders::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::start_log();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.standing.nats_url).await?;

    tokio::spawn(Relay::new(app.db(), &bus).run());
    tokio::spawn(orders::consumer(&app, &bus).run());
    tokio::spawn(orders::run_worker(app.clone()));
    tokio::spawn(keep_forgetting(app.db().clone()));

    let db = app.db().clone();
    let router = web::whole(orders::router().with_state(app));
    let requests = Requests::take(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    process::serve(requests, &config.standing, bus, db).await
}
