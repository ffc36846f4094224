//! The running stage, as its status file tells it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use shop_client::Shop;

use crate::contract::{self, Contract};

/// How long a journey puts up with being turned away (429, 503) before that counts as an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What all journeys share.
#[derive(Clone)]
pub struct Stage {
    /// The shop, unobserved.
    pub shop: Shop,
    /// The shop's staff account.
    pub staff: LogIn,
    /// The payment provider, whose books tell what was really charged.
    pub provider: Option<Shop>,
    /// What the answers are held against.
    pub contract: Arc<Contract>,
}

/// An e-mail address and its password.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct LogIn {
    pub email: String,
    pub password: String,
}

/// The part of the status file that is needed here.
#[derive(Deserialize)]
struct Status {
    routes: BTreeMap<String, String>,
    staff: LogIn,
    payments: Option<Payments>,
}

#[derive(Deserialize)]
struct Payments {
    url: String,
}

impl Stage {
    /// Reads the status file of a running stage.
    pub fn open(status: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(status).context("cannot read it: is a stage running?")?;
        Self::parse(&text)
    }

    /// Reads the text of a status file.
    pub fn parse(text: &str) -> Result<Self> {
        let status: Status = serde_json::from_str(text).context("it is no status file")?;
        let provider = status.payments.map(|payments| Shop::new(&[("/".to_owned(), payments.url)].into()));
        Ok(Self {
            shop: Shop::new(&status.routes)?.patient(PATIENCE),
            staff: status.staff,
            provider: provider.transpose()?,
            contract: Arc::new(Contract::parse(contract::TEXT)?),
        })
    }
}
