//! The settings: command-line arguments, or environment variables of the same name. The defaults work as they are.

use std::path::PathBuf;

use chassis::process::CommonArgs;
use clap::Parser;

/// The products service: products and their stock.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The settings that every service has.
    #[command(flatten)]
    pub common: CommonArgs,

    /// The database file; created if it does not exist.
    #[arg(long, env, default_value = "products.db")]
    pub database: PathBuf,
}
