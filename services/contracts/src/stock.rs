//! The types that orders and products share when they exchange messages about stock.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::Money;

/// The id of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductId(pub Uuid);

/// The quantity of a line of an order: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i64);

impl Quantity {
    /// Accepts 1 to 1,000.
    pub fn parse(quantity: i64) -> Result<Self, &'static str> {
        if (1..=1000).contains(&quantity) { Ok(Self(quantity)) } else { Err("must be between 1 and 1000") }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = &'static str;

    fn try_from(quantity: i64) -> Result<Self, &'static str> {
        Self::parse(quantity)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

/// A line of an order, before its stock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedLine {
    /// The product.
    pub product_id: ProductId,
    /// The number of units.
    pub quantity: Quantity,
}

/// The name and price of a line of an order, fixed when its stock is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// The product's name at that moment.
    pub name: String,
    /// The product's price at that moment.
    pub unit_price: Money,
}

/// Why stock cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// Fewer units are available than requested.
    OutOfStock,
    /// There is no such product.
    UnknownProduct,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_that_cannot_be_is_not_read_either() {
        assert!(Quantity::parse(1).is_ok() && Quantity::parse(1000).is_ok());
        for bad in ["0", "1001", "-1", "1.5", "\"1\""] {
            assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
        }
    }
}
