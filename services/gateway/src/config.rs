//! The settings: command-line arguments, or environment variables of the same name. The defaults work as they are.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use chassis::process::parse_duration;
use clap::Parser;
use jiff::SignedDuration;

use super::proxies::TrustedProxies;

/// The API gateway: the public address of the shop.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The address to serve HTTP on; port 0 selects a free one.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The address of the NATS server.
    #[arg(long, env, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,

    /// The file that caches the public keys for verifying tokens; several gateways may share it.
    #[arg(long, env, default_value = "jwks.json")]
    pub jwks_file: PathBuf,

    /// The number of requests that one client may make per second; a client is the user of a valid token, otherwise an
    /// address.
    #[arg(long, env, default_value = "50000")]
    pub rate_limit: NonZeroU32,

    /// The proxies in front of the gateway.
    #[command(flatten)]
    pub proxies: TrustedProxies,

    /// How long a request may take, from its first byte to the response.
    #[arg(long, env, default_value = "8s", value_parser = parse_duration)]
    pub request_timeout: SignedDuration,

    /// How long to wait for the first attempt of a request that is safe to retry.
    #[arg(long, env, default_value = "2s", value_parser = parse_duration)]
    pub attempt_timeout: SignedDuration,
}
