//! What can be set from outside: on the command line, or by a variable of the same name. The defaults run.

use std::path::PathBuf;

use chassis::process::{Standing, duration};
use clap::Parser;
use jiff::SignedDuration;

/// The service of orders and their payment.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// What every service can be told.
    #[command(flatten)]
    pub standing: Standing,

    /// The file of the database; created where there is none.
    #[arg(long, env, default_value = "orders.db")]
    pub database: PathBuf,

    /// Where the payment provider is.
    #[arg(long, env, default_value = "http://127.0.0.1:8090")]
    pub payments_url: String,

    /// How long the payment provider has to answer before it is asked again.
    #[arg(long, env, default_value = "4s", value_parser = duration)]
    pub payment_timeout: SignedDuration,

    /// How long products has to answer before it is asked again.
    #[arg(long, env, default_value = "4s", value_parser = duration)]
    pub stock_timeout: SignedDuration,

    /// How long stock is held for an order that is not paid.
    #[arg(long, env, default_value = "15m", value_parser = duration)]
    pub order_ttl: SignedDuration,
}
