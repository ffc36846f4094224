//! What can be set from outside: on the command line, or by a variable of the same name. The defaults run.

use std::path::PathBuf;

use chassis::process::{Standing, duration};
use clap::Parser;
use jiff::SignedDuration;

/// The service of accounts and tokens.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// What every service can be told.
    #[command(flatten)]
    pub standing: Standing,

    /// The file of the database; created where there is none.
    #[arg(long, env, default_value = "users.db")]
    pub database: PathBuf,

    /// How long a token is valid.
    #[arg(long, env, default_value = "15m", value_parser = duration)]
    pub token_ttl: SignedDuration,

    /// How old a signing key gets before it has a successor; looked at every hour.
    #[arg(long, env, default_value = "720h", value_parser = duration)]
    pub key_ttl: SignedDuration,

    /// The e-mail address of the first staff account; without it, none is made.
    #[arg(long, env, requires = "staff_password")]
    pub staff_email: Option<String>,

    /// The password of the first staff account.
    #[arg(long, env, requires = "staff_email", hide_env_values = true)]
    pub staff_password: Option<String>,
}
