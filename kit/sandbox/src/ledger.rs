//! The ledger: all charges and refunds, in one SQLite file.
//!
//! A single connection serialises all writes, so that two requests with the same key cannot race; unique constraints
//! enforce the same rule in the file. `synchronous=FULL` makes a charge durable before the response is sent.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::{
    source::{self, Outcome},
    store,
};

/// The body of a charge request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeRequest {
    /// The amount in minor units, at least 1.
    pub amount: i64,
    /// The currency as three capital letters (ISO 4217).
    pub currency: String,
    /// The token of a card, for example `tok_ok`.
    pub source: String,
    /// The caller's reference for the payment, for example an order id.
    pub reference: String,
}

/// One charge, as every endpoint returns it.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Charge {
    /// `ch_` and a UUID.
    pub id: String,
    /// The caller's reference for the payment, for example an order id.
    pub reference: String,
    /// The key of the request that created it.
    pub idempotency_key: String,
    /// The amount in minor units.
    pub amount: i64,
    /// The refunded amount in minor units, at most `amount`.
    pub refunded: i64,
    /// The currency (ISO 4217).
    pub currency: String,
    /// `succeeded` or `declined`. `None` until the outcome is decided; such a charge is never returned to a caller.
    pub status: Option<String>,
    /// The reason why it was declined.
    pub decline_code: Option<String>,
    /// The time of creation (RFC 3339, UTC).
    pub created_at: String,
    /// The token of the card.
    #[serde(skip)]
    pub source: String,
    /// The number of requests with this key, including the current one.
    #[serde(skip)]
    pub attempts: i64,
}

/// One refund.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Refund {
    /// `re_` and a UUID.
    pub id: String,
    /// The charge that it refunds.
    pub charge_id: String,
    /// The amount in minor units.
    pub amount: i64,
    /// The time of creation (RFC 3339, UTC).
    pub created_at: String,
}

/// The reason why the ledger rejected or could not process a request.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The key was used with a different request.
    #[error("idempotency key `{0}` was used with a different body; use a new key for a new intent")]
    KeyReused(String),
    /// The source refuses every charge (`tok_refused`). No charge was created.
    #[error("the source does not accept this charge; use another source")]
    SourceRefused,
    /// The source fails deliberately (`tok_flaky`). No charge was created.
    #[error("the source is unavailable; retry with the same key")]
    SourceUnavailable,
    /// The charge does not exist.
    #[error("charge `{0}` does not exist")]
    UnknownCharge(String),
    /// The amount exceeds the refundable rest of the charge, or the charge was declined.
    #[error("cannot refund {requested}: only {left} of charge `{charge}` can be refunded")]
    RefundTooLarge {
        /// The charge.
        charge: String,
        /// The requested amount in minor units.
        requested: i64,
        /// The refundable amount in minor units.
        left: i64,
    },
    /// The ledger file could not be read or written.
    #[error("cannot read or write the ledger")]
    Database(#[from] sqlx::Error),
}

/// A handle to the ledger file. Clones share its connection.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: SqlitePool,
}

impl Ledger {
    /// Opens the file. Creates the file and its tables if they are missing.
    pub async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Returns the charge of `key`. The first decided request creates it; later requests return it unchanged.
    pub async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<Charge, LedgerError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let pending = store::record_attempt(&mut tx, key, request).await?;
        if !pending.matches(request) {
            return Err(LedgerError::KeyReused(key.to_owned()));
        }
        let charge = match source::outcome(&request.source, pending.attempts) {
            _ if pending.status.is_some() => Ok(pending),
            Outcome::Succeeded => Ok(store::decide_charge(&mut tx, &pending.id, "succeeded", None).await?),
            Outcome::Declined(code) => {
                Ok(store::decide_charge(&mut tx, &pending.id, "declined", Some(code)).await?)
            }
            Outcome::Refused => Err(LedgerError::SourceRefused),
            Outcome::Unavailable => Err(LedgerError::SourceUnavailable),
        };
        tx.commit().await?; // also after an error, so that the number of attempts survives a crash
        charge
    }

    /// Refunds `amount` of a charge, once per key.
    pub async fn refund(&self, key: &str, charge_id: &str, amount: i64) -> Result<Refund, LedgerError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        if let Some(refund) = store::find_refund(&mut tx, key).await? {
            let same = refund.charge_id == charge_id && refund.amount == amount;
            return if same { Ok(refund) } else { Err(LedgerError::KeyReused(key.to_owned())) };
        }
        let charge = store::find_charge(&mut tx, charge_id).await?;
        let charge = charge.ok_or_else(|| LedgerError::UnknownCharge(charge_id.to_owned()))?;
        let left = charge.refundable();
        if amount > left {
            return Err(LedgerError::RefundTooLarge { charge: charge.id, requested: amount, left });
        }
        store::add_to_refunded(&mut tx, charge_id, amount).await?;
        let refund = store::insert_refund(&mut tx, key, charge_id, amount).await?;
        tx.commit().await?;
        Ok(refund)
    }

    /// Lists the charges with this reference and this key, oldest first. `None` matches every charge.
    pub async fn charges(
        &self,
        reference: Option<&str>,
        key: Option<&str>,
    ) -> Result<Vec<Charge>, LedgerError> {
        let mut conn = self.pool.acquire().await?;
        Ok(store::list_charges(&mut conn, reference, key).await?)
    }
}

impl Charge {
    fn matches(&self, request: &ChargeRequest) -> bool {
        self.amount == request.amount
            && self.currency == request.currency
            && self.source == request.source
            && self.reference == request.reference
    }

    fn refundable(&self) -> i64 {
        if self.status.as_deref() == Some("succeeded") { self.amount - self.refunded } else { 0 }
    }
}
