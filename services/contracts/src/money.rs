//! Money in whole cents, never as a floating-point number.

use serde::{Deserialize, Serialize};

/// The currencies that the shop accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Currency {
    /// Euro.
    EUR,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In minor units (cents): 1999 is 19.99.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// Zero.
    pub const ZERO: Self = Self::cents(0);

    /// An amount in cents.
    pub const fn cents(amount: i64) -> Self {
        Self { amount, currency: Currency::EUR }
    }
}
