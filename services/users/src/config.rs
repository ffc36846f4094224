//! The settings: command-line arguments, or environment variables of the same name. The defaults work as they are.

use std::path::PathBuf;

use chassis::process::{CommonArgs, parse_duration};
use clap::Parser;
use jiff::SignedDuration;

/// The users service: accounts and access tokens.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// The settings that every service has.
    #[command(flatten)]
    pub common: CommonArgs,

    /// The database file; created if it does not exist.
    #[arg(long, env, default_value = "users.db")]
    pub database: PathBuf,

    /// How long a token is valid.
    #[arg(long, env, default_value = "15m", value_parser = parse_duration)]
    pub token_ttl: SignedDuration,

    /// How old a signing key becomes before it is rotated; checked every hour.
    #[arg(long, env, default_value = "720h", value_parser = parse_duration)]
    pub key_ttl: SignedDuration,

    /// The e-mail address of the first staff account; without it, no account is created.
    #[arg(long, env, requires = "staff_password")]
    pub staff_email: Option<String>,

    /// The password of the first staff account.
    #[arg(long, env, requires = "staff_email", hide_env_values = true)]
    pub staff_password: Option<String>,
}
