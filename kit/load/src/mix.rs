//! What visitors come for.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// What the visitors of a stream come for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Every visitor reads a product, the newest products, or the results of a search.
    Browse,
    /// Every visitor places an order, pays, and polls the order until it is settled. One in ten logs in first.
    Checkout,
    /// Every visitor logs in.
    LoginStorm,
    /// Every visitor wants one unit of the same product.
    FlashSale,
    /// The usual traffic of a shop: of a hundred visitors 85 browse, 12 check out and 3 log in.
    Day,
}

/// What one visitor comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants of `Mix` say it")]
pub enum Visit {
    Browse,
    CheckOut,
    LogIn,
    FlashBuy,
}

impl Mix {
    pub(crate) fn visit(self, rng: &mut Rng) -> Visit {
        match self {
            Self::Browse => Visit::Browse,
            Self::Checkout => Visit::CheckOut,
            Self::LoginStorm => Visit::LogIn,
            Self::FlashSale => Visit::FlashBuy,
            Self::Day => match rng.u8(..100) {
                0..85 => Visit::Browse,
                85..97 => Visit::CheckOut,
                _ => Visit::LogIn,
            },
        }
    }
}
