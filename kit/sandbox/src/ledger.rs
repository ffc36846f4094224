//! The ledger: every charge and refund, in one SQLite file.
//!
//! One connection is the one writer, so that two requests with one key meet in a queue and not in a race; the unique
//! constraints say the same to anybody who opens the file. `synchronous=FULL`: what was answered is on disk.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::{
    source::{self, Outcome},
    store,
};

/// What a caller asks for: `amount` in minor units, `reference` is the caller's name for what is paid.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeRequest {
    /// Minor units, at least 1.
    pub amount: i64,
    /// Three capital letters of ISO 4217.
    pub currency: String,
    /// The card, e.g. `tok_ok`.
    pub source: String,
    /// The caller's name for what is paid.
    pub reference: String,
}

/// One charge, as the provider answers it everywhere.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Charge {
    /// `ch_` and a UUID.
    pub id: String,
    /// The caller's name for what is paid.
    pub reference: String,
    /// The key it was asked for under.
    pub idempotency_key: String,
    /// Minor units.
    pub amount: i64,
    /// Minor units given back, never more than `amount`.
    pub refunded: i64,
    /// ISO 4217.
    pub currency: String,
    /// `succeeded` or `declined`; `None` only inside this module.
    pub status: Option<String>,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// The card.
    #[serde(skip)]
    pub source: String,
    /// How often it was asked for, this time included.
    #[serde(skip)]
    pub asked: i64,
}

/// One refund.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
pub struct Refund {
    /// `re_` and a UUID.
    pub id: String,
    /// The charge it gives back.
    pub charge_id: String,
    /// Minor units.
    pub amount: i64,
    /// RFC 3339, UTC.
    pub created_at: String,
}

/// Why the ledger did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The key belongs to another request.
    #[error("idempotency key `{0}` was used with another body; use a new key for a new intent")]
    KeyReused(String),
    /// The source is unreliable on purpose; nothing happened.
    #[error("the source cannot be reached now; ask again with the same key")]
    TryLater,
    /// No such charge.
    #[error("no charge `{0}`")]
    UnknownCharge(String),
    /// More than is left of the charge, or a charge that took nothing.
    #[error("cannot refund {asked}: {left} is left of charge `{charge}`")]
    RefundTooLarge {
        /// The charge.
        charge: String,
        /// Minor units asked for.
        asked: i64,
        /// Minor units that can still be refunded.
        left: i64,
    },
    /// The file could not be read or written.
    #[error("the ledger cannot be used")]
    Database(#[from] sqlx::Error),
}

/// A handle on the ledger file; clones share its connection.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: SqlitePool,
}

impl Ledger {
    /// Opens the file, creating it and its tables where they are missing.
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

    /// The charge of `key`: made now if this is the first time it is asked for, else as it was made.
    pub async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<Charge, LedgerError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let asked = store::ask_for_charge(&mut tx, key, request).await?;
        if !asked.answers(request) {
            return Err(LedgerError::KeyReused(key.to_owned()));
        }
        let charge = match source::outcome(&request.source, asked.asked) {
            _ if asked.status.is_some() => Ok(asked),
            Outcome::Succeeded => Ok(store::decide_charge(&mut tx, &asked.id, "succeeded", None).await?),
            Outcome::Declined(code) => {
                Ok(store::decide_charge(&mut tx, &asked.id, "declined", Some(code)).await?)
            }
            Outcome::TryLater => Err(LedgerError::TryLater),
        };
        tx.commit().await?; // in any case: how often a charge was asked for has to survive
        charge
    }

    /// Gives back `amount` of a charge; the same key gives it back once.
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
            return Err(LedgerError::RefundTooLarge { charge: charge.id, asked: amount, left });
        }
        store::give_back(&mut tx, charge_id, amount).await?;
        let refund = store::insert_refund(&mut tx, key, charge_id, amount).await?;
        tx.commit().await?;
        Ok(refund)
    }

    /// The charges with this reference and this key, oldest first; `None` matches all.
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
    fn answers(&self, request: &ChargeRequest) -> bool {
        self.amount == request.amount
            && self.currency == request.currency
            && self.source == request.source
            && self.reference == request.reference
    }

    fn refundable(&self) -> i64 {
        if self.status.as_deref() == Some("succeeded") { self.amount - self.refunded } else { 0 }
    }
}
