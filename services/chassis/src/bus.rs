//! The connection to NATS, and the streams and consumers on it.
//!
//! The server may lose its store. So no service assumes that a stream that existed once still exists: streams are created
//! again after each reconnect, and whenever an operation finds one missing. The messages in a lost store are gone. An
//! outbox still contains what it has not published, and a command is sent again when its reply is overdue. An event to
//! which no service replies, such as a customer's new name, is not sent again.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event,
    connection::State,
    jetstream::{
        self, Context, ErrorCode,
        consumer::{PullConsumer, pull},
        context::CreateStreamError,
        stream::{Config, ConsumerErrorKind},
    },
};
use contracts::stream;
use futures::TryStreamExt;
use tokio::sync::{Notify, watch};

use crate::health::Consuming;

/// How long a publish waits for the acknowledgement of its stream, and a request to NATS for the reply.
pub const NATS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait before an operation that failed is retried.
pub const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Opens a connection for requests only. It returns at once, also while the server is down: the client library
/// connects, and reconnects, in the background.
pub async fn connect(service: &str, url: &str) -> anyhow::Result<Client> {
    connect_and_count(service, url, watch::Sender::new(0)).await
}

/// Connects like [`connect`], and counts how often the connection has come up.
async fn connect_and_count(
    service: &str,
    url: &str,
    connections: watch::Sender<u64>,
) -> anyhow::Result<Client> {
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
        .event_callback(move |event| {
            if let Event::Connected = event {
                connections.send_modify(|count| *count += 1);
            }
            async move { log_event(&event) }
        })
        .connect(url)
        .await
        .with_context(|| format!("{url} is not a valid NATS address"))
}

fn log_event(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("disconnected from NATS, reconnecting"),
        event => tracing::warn!(%event, "NATS connection event"),
    }
}

/// A connection to NATS that reconnects by itself, and its `JetStream` context.
#[derive(Clone)]
pub struct Bus {
    /// For requests and replies.
    pub nats: Client,
    /// For messages that a stream stores.
    pub jetstream: Context,
    /// Whether the consumers of this service make progress.
    pub consuming: Consuming,
    /// How often the connection has come up.
    connections: watch::Receiver<u64>,
    /// Notified when a stream may be missing.
    streams_missing: Arc<Notify>,
}

impl Bus {
    /// Connects, waits for the server if it is down, and creates the streams that do not exist.
    pub async fn connect(service: &str, url: &str) -> anyhow::Result<Self> {
        let (sender, connections) = watch::channel(0);
        let nats = connect_and_count(service, url, sender).await?;
        let jetstream = jetstream::ContextBuilder::new().timeout(NATS_TIMEOUT).build(nats.clone());
        let (consuming, streams_missing) = Default::default();
        let bus = Self { nats, jetstream, consuming, connections, streams_missing };
        let connections = bus.connections();
        bus.create_streams().await;
        tokio::spawn(bus.clone().keep_streams(connections));
        Ok(bus)
    }

    /// Creates the streams again whenever they may be missing. Never returns.
    async fn keep_streams(self, mut connections: watch::Receiver<u64>) {
        loop {
            tokio::select! {
                _ = connections.changed() => {}
                () = self.streams_missing.notified() => {}
            }
            self.create_streams().await;
            // Operations that fail meanwhile notify at most once more.
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Retries until every stream exists.
    async fn create_streams(&self) {
        for config in stream::configs() {
            while let Err(error) = self.create_stream(&config).await {
                tracing::warn!(%error, stream = config.name, "creating a stream failed, retrying");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }

    /// Creates a stream if it is missing, and updates it if its settings are older than ours.
    async fn create_stream(&self, config: &Config) -> Result<(), CreateStreamError> {
        let stored = self.jetstream.get_or_create_stream(config).await?;
        if stream::settings_version(&stored.cached_info().config.metadata) < stream::SETTINGS_VERSION {
            self.jetstream.update_stream(config).await?;
            tracing::info!(stream = config.name, "settings of a stream updated");
        }
        Ok(())
    }

    /// A receiver that is notified when the connection comes up again: the server may have lost its store meanwhile.
    pub fn connections(&self) -> watch::Receiver<u64> {
        let mut connections = self.connections.clone();
        connections.mark_unchanged();
        connections
    }

    /// Reports that a stream may be missing: it is created again in the background.
    pub fn stream_missing(&self) {
        self.streams_missing.notify_one();
    }

    /// A durable consumer, created if it is missing, and updated if an older version of the service has created it.
    pub async fn consumer(&self, stream: &str, config: &pull::Config) -> anyhow::Result<PullConsumer> {
        let name = config.durable_name.as_deref().unwrap_or_default();
        let stored: PullConsumer = match self.jetstream.get_consumer_from_stream(name, stream).await {
            Ok(stored) => stored,
            Err(error) if is_missing(&error.kind()) => {
                // This fails if another instance has just created a different one. The caller retries and finds it.
                return Ok(self.jetstream.create_consumer_strict_on_stream(config.clone(), stream).await?);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(newer) = stream::newer_consumer(&stored.cached_info().config, config) else {
            return Ok(stored);
        };
        let updated = self.jetstream.update_consumer_on_stream(newer, stream).await?;
        tracing::info!(stream, consumer = name, "settings of a consumer updated");
        Ok(updated)
    }

    /// Whether the client library considers the connection up. It may notice a loss late.
    pub fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    /// Whether messages can be published and are consumed, or why not. Sends one request to the server.
    pub async fn ready(&self) -> Result<(), String> {
        if !self.is_connected() {
            return Err("not connected to NATS".to_owned());
        }
        let names = self.jetstream.stream_names().try_collect::<Vec<_>>().await;
        let names = names.map_err(|error| format!("JetStream does not reply: {error}"))?;
        let missing =
            stream::configs().map(|config| config.name).into_iter().find(|name| !names.contains(name));
        if let Some(missing) = missing {
            self.stream_missing();
            return Err(format!("the stream {missing} is missing"));
        }
        self.consuming.check()
    }
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}
