//! What can be set from outside: on the command line, or by a variable of the same name. The defaults run.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use jiff::SignedDuration;

/// A shop: users, products and orders in one process.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The address to serve HTTP on; port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// The file of the database; created where there is none.
    #[arg(long, env, default_value = "shop.db")]
    pub database: PathBuf,

    /// Where the payment provider is.
    #[arg(long, env, default_value = "http://127.0.0.1:8090")]
    pub payments_url: String,

    /// How long the payment provider has to answer before it is asked again.
    #[arg(long, env, default_value = "4s", value_parser = duration)]
    pub payment_timeout: SignedDuration,

    /// How long stock is held for an order that is not paid.
    #[arg(long, env, default_value = "15m", value_parser = duration)]
    pub order_ttl: SignedDuration,

    /// How long a token is valid.
    #[arg(long, env, default_value = "15m", value_parser = duration)]
    pub token_ttl: SignedDuration,

    /// The e-mail address of the first staff account; without it, none is made.
    #[arg(long, env, requires = "staff_password")]
    pub staff_email: Option<String>,

    /// The password of the first staff account.
    #[arg(long, env, requires = "staff_email", hide_env_values = true)]
    pub staff_password: Option<String>,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let within = |duration: &SignedDuration| {
        duration.is_positive() && *duration <= SignedDuration::from_hours(24 * 365)
    };
    let duration = text.parse::<SignedDuration>().ok().filter(within);
    duration.ok_or_else(|| "must be a time like 250ms, 4s or 15m, at most a year (8760h)".to_owned())
}
