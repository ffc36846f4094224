//! The settings: command-line options, or environment variables of the same name. Every setting has a default, except the
//! staff account, which is optional.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use jiff::SignedDuration;

/// Runs the shop: users, products and orders in one process
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Address and port to serve HTTP on; port 0 picks a free port
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Path of the SQLite database file; created if it does not exist
    #[arg(long, env, default_value = "shop.db")]
    pub database: PathBuf,

    /// Base URL of the payment provider
    #[arg(long, env, default_value = "http://127.0.0.1:8090")]
    pub payments_url: String,

    /// Timeout of one request to the payment provider; after it the request is retried
    #[arg(long, env, default_value = "4s", value_parser = parse_duration)]
    pub payment_timeout: SignedDuration,

    /// How long an order may stay unpaid before it is cancelled and its stock is released
    #[arg(long, env, default_value = "15m", value_parser = parse_duration)]
    pub order_ttl: SignedDuration,

    /// How long a bearer token is valid
    #[arg(long, env, default_value = "15m", value_parser = parse_duration)]
    pub token_ttl: SignedDuration,

    /// E-mail address of the first staff account; without it, no staff account is created
    #[arg(long, env, requires = "staff_password")]
    pub staff_email: Option<String>,

    /// Password of the first staff account, 10 to 128 characters
    #[arg(long, env, requires = "staff_email", hide_env_values = true)]
    pub staff_password: Option<String>,
}

fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let in_range = |duration: &SignedDuration| {
        duration.is_positive() && *duration <= SignedDuration::from_hours(24 * 365)
    };
    let duration = text.parse::<SignedDuration>().ok().filter(in_range);
    duration.ok_or_else(|| "must be a duration like 250ms, 4s or 15m, at most a year (8760h)".to_owned())
}
