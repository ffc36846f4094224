//! Starts the products service: parses the settings, connects, and serves until a shutdown is requested.

use chassis::{Bus, lifecycle::Tasks, outbox::Relay, process, requests::Requests, retention, web};
use clap::Parser;
use products::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.common.nats_url).await?;

    let mut tasks = Tasks::default();
    tasks.spawn("outbox relay", Relay::new(app.db(), &bus).run());
    tasks.spawn("command consumer", products::consumer(&app, &bus).run());
    tasks.spawn("pruning", retention::prune_hourly(app.db().clone()));

    let db = app.db().clone();
    let router = web::with_middleware(products::router().with_state(app));
    let requests = Requests::subscribe(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    process::serve(requests, tasks, &config.common, bus, db).await
}
