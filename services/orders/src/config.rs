//! The settings: command-line arguments, or environment variables of the same name. The defaults work as they are.

use std::path::PathBuf;

use chassis::process::{CommonArgs, parse_duration};
use clap::Parser;
use jiff::SignedDuration;

/// The orders service: orders and their payment.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The settings that every service has.
    #[command(flatten)]
    pub common: CommonArgs,

    /// The database file; created if it does not exist.
    #[arg(long, env, default_value = "orders.db")]
    pub database: PathBuf,

    /// The address of the payment provider.
    #[arg(long, env, default_value = "http://127.0.0.1:8090")]
    pub payments_url: String,

    /// How long to wait for the payment provider before a request is retried.
    #[arg(long, env, default_value = "4s", value_parser = parse_duration)]
    pub payment_timeout: SignedDuration,

    /// How long to wait for the reply of products before a command is retried.
    #[arg(long, env, default_value = "4s", value_parser = parse_duration)]
    pub stock_timeout: SignedDuration,

    /// How long stock is held for an unpaid order.
    #[arg(long, env, default_value = "15m", value_parser = parse_duration)]
    pub order_ttl: SignedDuration,
}
