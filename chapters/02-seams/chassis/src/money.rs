//! Money: whole cents, never a fraction, never a float.

use serde::{Deserialize, Serialize};

/// The currencies of the shop: one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Currency {
    /// Euro.
    EUR,
}

/// An amount of cents, zero or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// What a product costs: between one cent and a million euros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Price(Money);

impl Price {
    /// Accepts 1 to 100,000,000 cents.
    pub fn parse(money: Money) -> Result<Self, &'static str> {
        match money.amount {
            1..=100_000_000 => Ok(Self(money)),
            _ => Err("the amount must be between 1 and 100000000 cents"),
        }
    }

    /// The amount, in cents.
    pub fn cents(self) -> i64 {
        self.0.amount
    }
}
