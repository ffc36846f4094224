//! The running stage, read from its status file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use shop_client::{Routes, Shop};

use crate::contract::{self, Contract};

/// How long a journey retries after 429 and 503. Journeys run concurrently, so the stage may be overloaded for a moment.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// The stage, which all journeys share.
#[derive(Clone)]
pub struct Stage {
    /// A client of the shop whose responses are not recorded.
    pub shop: Shop,
    /// The public addresses, for journeys that send something else than a valid request.
    pub routes: Routes,
    /// The credentials of the staff account.
    pub staff: Credentials,
    /// A client of the payment provider, whose ledger shows what was charged.
    pub provider: Option<Shop>,
    /// The contract that every response is checked against.
    pub contract: Arc<Contract>,
}

/// An e-mail address and a password.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Credentials {
    pub email: String,
    pub password: String,
}

/// The part of the status file that the suite needs.
#[derive(Deserialize)]
struct Status {
    routes: BTreeMap<String, String>,
    staff: Credentials,
    payments: Option<Payments>,
}

#[derive(Deserialize)]
struct Payments {
    url: String,
}

impl Stage {
    /// Reads and parses the status file of a running stage.
    pub fn open(status: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(status).context("cannot read the file: is a stage running?")?;
        Self::parse(&text)
    }

    /// Parses the text of a status file.
    pub fn parse(text: &str) -> Result<Self> {
        let status: Status = serde_json::from_str(text).context("not a status file")?;
        let provider = status.payments.map(|payments| Shop::new(&[("/".to_owned(), payments.url)].into()));
        Ok(Self {
            shop: Shop::new(&status.routes)?.with_retries(RETRY_FOR),
            routes: Routes::try_from(&status.routes)?,
            staff: status.staff,
            provider: provider.transpose()?,
            contract: Arc::new(Contract::parse(contract::TEXT)?),
        })
    }
}
