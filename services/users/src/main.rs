//! Starts the service of users: reads the configuration, connects, serves until told to stop.

use chassis::{Bus, forget::keep_forgetting, outbox::Relay, process, requests::Requests, web};
use clap::Parser;
use users::{App, Config, NAME};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    process::start_log();
    let config = Config::parse();
    let app = App::open(&config).await?;
    let bus = Bus::connect(NAME, &config.standing.nats_url).await?;

    tokio::spawn(Relay::new(app.db(), &bus).run());
    tokio::spawn(keep_forgetting(app.db().clone()));
    tokio::spawn(app.clone().keep_rotating());

    let router = web::whole(users::router().with_state(app.clone()));
    let requests = Requests::take(&bus, NAME, env!("CARGO_PKG_VERSION"), router).await?;
    let keys = users::take_questions_for_keys(&requests).await?;
    tokio::spawn(users::give_out_keys(app.clone(), keys));
    process::serve(requests, &config.standing, bus, app.db().clone()).await
}
