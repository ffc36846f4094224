//! Starts the users service: parses the settings, connects, and serves until a shutdown is requested.

use chassis::{Bus, outbox::Relay, process, requests::Requests, retention, web};
use clap::Parser;
use users::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::init_logging();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.common.nats_url).await?;

    tokio::spawn(Relay::new(app.db(), &bus).run());
    tokio::spawn(retention::prune_hourly(app.db().clone()));
    tokio::spawn(app.clone().keep_rotating());

    let router = web::with_middleware(users::router().with_state(app.clone()));
    let requests = Requests::subscribe(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    let keys = users::subscribe_jwks(&requests).await?;
    tokio::spawn(users::serve_jwks(app.clone(), keys));
    process::serve(requests, &config.common, bus, app.db().clone()).await
}
