#![doc = include_str!("../README.md")]

pub mod config;
mod http;
mod proxies;
mod forward;
mod keys;
mod limit;
mod docs;

pub use config::Config;

use std::{sync::Arc, time::Duration};

use async_nats::{Client, connection::State};
use chassis::{bus, lifecycle::Tasks};

/// The name of this process on NATS.
const NAME: &str = "gateway";

/// The gateway, with everything that handling a request needs.
pub struct App {
    nats: Client,
    keys: keys::KeyCache,
    rate_limiter: limit::RateLimiter,
    proxies: proxies::TrustedProxies,
    request_timeout: Duration,
    attempt_timeout: Duration,
}

impl App {
    /// Opens a gateway. It is ready as soon as it is connected and has keys.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let nats = bus::connect(NAME, &config.nats_url).await?;
        Ok(Self {
            keys: keys::KeyCache::open(&nats, config.jwks_file.clone()).await,
            rate_limiter: limit::RateLimiter::new(config.rate_limit),
            proxies: config.proxies.clone(),
            nats,
            request_timeout: config.request_timeout.try_into()?,
            attempt_timeout: config.attempt_timeout.try_into()?,
        })
    }

    /// Starts the background tasks.
    pub fn start_background_tasks(self: &Arc<Self>, tasks: &mut Tasks) {
        let (keys, rate_limiter) = (Arc::clone(self), Arc::clone(self));
        tasks.spawn("fetching of the public keys", async move { keys.keys.keep_fresh().await });
        tasks.spawn("eviction of idle clients", async move {
            rate_limiter.rate_limiter.keep_evicting().await;
        });
    }

    /// Whether the client library considers the connection to NATS up.
    fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }
}
