//! The connection to NATS.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event,
    connection::State,
    jetstream::{self, Context},
};
use contracts::stream;

/// How long a publish waits for the word of the stream, and any question to NATS for its answer.
pub const NATS_PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before trying again what NATS did not do.
pub const PAUSE: Duration = Duration::from_millis(250);

/// A connection for requests alone. It returns at once: what comes back by itself may as well come later.
pub async fn connect(service: &str, url: &str) -> anyhow::Result<Client> {
    ConnectOptions::new()
        .name(service)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .request_timeout(Some(NATS_PATIENCE))
        // The default waits up to 4 s between two tries: a server that is back would be away for longer than it was.
        .reconnect_delay_callback(|tries| {
            PAUSE.min(Duration::from_millis(10) * u32::try_from(tries).unwrap_or(25))
        })
        .event_callback(async |event| match event {
            Event::Connected => tracing::info!("connected to NATS"),
            Event::Disconnected => {
                tracing::warn!("lost the connection to NATS; trying again until it is back");
            }
            event => tracing::warn!(%event, "NATS"),
        })
        .connect(url)
        .await
        .with_context(|| format!("cannot use {url} as the address of NATS"))
}

/// A connection that comes back by itself, and the streams.
#[derive(Clone)]
pub struct Bus {
    /// For requests.
    pub nats: Client,
    /// For messages that are kept.
    pub jetstream: Context,
}

impl Bus {
    /// Connects, waiting for the server if need be, and makes the streams that are not there yet.
    pub async fn connect(service: &str, url: &str) -> anyhow::Result<Self> {
        let nats = connect(service, url).await?;
        let jetstream = jetstream::ContextBuilder::new().timeout(NATS_PATIENCE).build(nats.clone());
        let bus = Self { nats, jetstream };
        while let Err(error) = bus.make_streams().await {
            tracing::warn!(%error, "cannot make the streams; trying again");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(bus)
    }

    async fn make_streams(&self) -> Result<(), jetstream::context::CreateStreamError> {
        for stream in stream::all() {
            self.jetstream.get_or_create_stream(stream).await?;
        }
        Ok(())
    }

    /// Whether the server is there, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }
}
