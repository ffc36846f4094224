//! What can be set from outside: on the command line, or by a variable of the same name. The defaults run.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use chassis::process::duration;
use clap::Parser;
use jiff::SignedDuration;

/// The public address of the shop.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The address to serve HTTP on; port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Where NATS is.
    #[arg(long, env, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,

    /// Where the keys that tokens are checked with are kept; several gateways may share it.
    #[arg(long, env, default_value = "jwks.json")]
    pub jwks_file: PathBuf,

    /// How many requests one caller may make in a second: the user of a valid token, else an address.
    #[arg(long, env, default_value = "50000")]
    pub rate_limit: NonZeroU32,

    /// How long a request may take, from its first byte to its answer.
    #[arg(long, env, default_value = "8s", value_parser = duration)]
    pub request_timeout: SignedDuration,

    /// How long a request that may be repeated waits for its answer before it is.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub attempt_timeout: SignedDuration,
}
