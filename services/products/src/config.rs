//! What can be set from outside: on the command line, or by a variable of the same name. The defaults run.

use std::path::PathBuf;

use chassis::process::Standing;
use clap::Parser;

/// The service of products and their stock.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// What every service can be told.
    #[command(flatten)]
    pub standing: Standing,

    /// The file of the database; created where there is none.
    #[arg(long, env, default_value = "products.db")]
    pub database: PathBuf,
}
