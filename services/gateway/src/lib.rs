#![doc = include_str!("../README.md")]

pub mod config;
mod http;
mod forward;
mod keys;
mod limit;
mod docs;

pub use config::Config;

use std::{sync::Arc, time::Duration};

use async_nats::{Client, connection::State};
use chassis::{
    bus::{self, NATS_PATIENCE},
    error::error_chain,
    web::{self, Problem},
};
use contracts::{
    call::{self, Authentication, Deadline},
    caller::{Caller, UserId},
    token::{Claims, JWKS, KEYS_CACHED_FOR},
};

/// What this process is called on NATS.
const NAME: &str = "gateway";

/// The gateway, with all that a request passes.
pub struct App {
    nats: Client,
    keys: keys::Keys,
    limit: limit::Limit,
    request_timeout: Duration,
    attempt_timeout: Duration,
}

impl App {
    /// Opens a gateway, which is ready as soon as it has a connection and keys.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let nats = bus::connect(NAME, &config.nats_url).await?;
        Ok(Self {
            keys: keys::Keys::open(&nats, config.jwks_file.clone()).await,
            limit: limit::Limit::new(config.rate_limit),
            nats,
            request_timeout: config.request_timeout.try_into()?,
            attempt_timeout: config.attempt_timeout.try_into()?,
        })
    }

    /// Starts what runs beside the requests, for as long as the process does.
    pub fn start_background_work(self: &Arc<Self>) {
        let (keys, limit) = (Arc::clone(self), Arc::clone(self));
        tokio::spawn(async move { keys.keys.keep_fresh().await });
        tokio::spawn(async move { limit.limit.keep_forgetting().await });
    }

    /// Whether requests can be passed on, as far as is known.
    fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }
}
