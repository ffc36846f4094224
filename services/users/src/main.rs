//! Starts the users service: parses the settings, connects, and serves until a shutdown is requested.

use chassis::{Bus, lifecycle::Tasks, outbox::Relay, process, requests::Requests, retention, web};
use clap::Parser;
use users::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.common.nats_url).await?;

    let mut tasks = Tasks::default();
    tasks.spawn("outbox relay", Relay::new(app.db(), &bus).run());
    tasks.spawn("pruning", retention::prune_hourly(app.db().clone()));
    tasks.spawn("key rotation", app.clone().keep_rotating());

    let router = web::with_middleware(users::router().with_state(app.clone()));
    let requests = Requests::subscribe(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    let keys = users::subscribe_jwks(&requests).await?;
    tasks.spawn("public keys endpoint", users::serve_jwks(app.clone(), keys));
    process::serve(requests, tasks, &config.common, bus, app.db().clone()).await
}
