//! The connection to NATS.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event,
    connection::State,
    jetstream::{self, Context},
};
use contracts::stream;

/// How long a publish waits for the acknowledgement of its stream, and a request to NATS for the reply.
pub const NATS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait before an operation that failed is retried.
pub const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Opens a connection for requests only. It returns at once, also while the server is down: the client library
/// connects, and reconnects, in the background.
pub async fn connect(service: &str, url: &str) -> anyhow::Result<Client> {
    ConnectOptions::new()
        .name(service)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .request_timeout(Some(NATS_TIMEOUT))
        // The default back-off grows to 4 s: after a short outage it would keep the service disconnected for longer
        // than the server was down.
        .reconnect_delay_callback(|attempts| {
            RETRY_DELAY.min(Duration::from_millis(10) * u32::try_from(attempts).unwrap_or(25))
        })
        .event_callback(async |event| match event {
            Event::Connected => tracing::info!("connected to NATS"),
            Event::Disconnected => tracing::warn!("disconnected from NATS, reconnecting"),
            event => tracing::warn!(%event, "NATS connection event"),
        })
        .connect(url)
        .await
        .with_context(|| format!("{url} is not a valid NATS address"))
}

/// A connection to NATS that reconnects by itself, and its `JetStream` context.
#[derive(Clone)]
pub struct Bus {
    /// For requests and replies.
    pub nats: Client,
    /// For messages that a stream stores.
    pub jetstream: Context,
}

impl Bus {
    /// Connects, waits for the server if it is down, and creates the streams that do not exist.
    pub async fn connect(service: &str, url: &str) -> anyhow::Result<Self> {
        let nats = connect(service, url).await?;
        let jetstream = jetstream::ContextBuilder::new().timeout(NATS_TIMEOUT).build(nats.clone());
        let bus = Self { nats, jetstream };
        while let Err(error) = bus.create_streams().await {
            tracing::warn!(%error, "creating the streams failed, retrying");
            tokio::time::sleep(RETRY_DELAY).await;
        }
        Ok(bus)
    }

    async fn create_streams(&self) -> Result<(), jetstream::context::CreateStreamError> {
        for config in stream::configs() {
            self.jetstream.get_or_create_stream(config).await?;
        }
        Ok(())
    }

    /// Whether the client library considers the connection up. It may notice a loss late.
    pub fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }
}
