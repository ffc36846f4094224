//! Money: whole cents, never a fraction, never a float.

use serde::{Deserialize, Serialize};

/// The currencies of the shop: one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Currency {
    /// Euro.
    EUR,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In minor units: 1999 is 19.99.
    pub amount: i64,
    /// Of this currency.
    pub currency: Currency,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self::cents(0);

    /// That many cents.
    pub const fn cents(amount: i64) -> Self {
        Self { amount, currency: Currency::EUR }
    }
}
