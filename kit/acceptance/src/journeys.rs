//! The rules of the shop, one file per topic.

use anyhow::Result;
use futures_util::future::LocalBoxFuture;

use crate::World;

/// A rule, and the function that checks it.
#[derive(Clone, Copy)]
pub struct Journey {
    pub(crate) name: &'static str,
    /// Returns an error that says how the shop violated the rule.
    pub run: fn(World) -> LocalBoxFuture<'static, Result<()>>,
}

impl Journey {
    /// The rule as a sentence.
    pub fn rule(&self) -> String {
        self.name.replace('_', " ")
    }
}

/// The journeys of a file.
pub struct Topic {
    /// One word, which prefixes each rule in the output.
    pub name: &'static str,
    /// Whether the journeys need a stage whose orders and tokens expire after seconds.
    pub short_lived: bool,
    /// The journeys, in reading order.
    pub journeys: &'static [Journey],
}

/// Defines the table of journeys of a file from the names of their functions.
macro_rules! journeys {
    ($($name:ident),* $(,)?) => {
        /// The journeys of this topic.
        pub(super) const JOURNEYS: &[$crate::Journey] =
            &[$($crate::Journey { name: stringify!($name), run: |world| Box::pin($name(world)) }),*];
    };
}

mod users;
mod addresses;
mod sessions;
mod passwords;
mod products;
mod numbers;
mod search;
mod stock;
mod connections;
mod orders;
mod payments;
mod refusals;
mod cancellation;
mod shipping;
mod idempotency;
mod errors;
mod permissions;
mod races;
mod docs;
mod expiry;

/// Every topic, in reading order.
pub const TOPICS: &[Topic] = &[
    Topic { name: "users", short_lived: false, journeys: users::JOURNEYS },
    Topic { name: "addresses", short_lived: false, journeys: addresses::JOURNEYS },
    Topic { name: "sessions", short_lived: false, journeys: sessions::JOURNEYS },
    Topic { name: "passwords", short_lived: false, journeys: passwords::JOURNEYS },
    Topic { name: "products", short_lived: false, journeys: products::JOURNEYS },
    Topic { name: "numbers", short_lived: false, journeys: numbers::JOURNEYS },
    Topic { name: "search", short_lived: false, journeys: search::JOURNEYS },
    Topic { name: "stock", short_lived: false, journeys: stock::JOURNEYS },
    Topic { name: "connections", short_lived: false, journeys: connections::JOURNEYS },
    Topic { name: "orders", short_lived: false, journeys: orders::JOURNEYS },
    Topic { name: "payments", short_lived: false, journeys: payments::JOURNEYS },
    Topic { name: "refusals", short_lived: false, journeys: refusals::JOURNEYS },
    Topic { name: "cancellation", short_lived: false, journeys: cancellation::JOURNEYS },
    Topic { name: "shipping", short_lived: false, journeys: shipping::JOURNEYS },
    Topic { name: "idempotency", short_lived: false, journeys: idempotency::JOURNEYS },
    Topic { name: "errors", short_lived: false, journeys: errors::JOURNEYS },
    Topic { name: "permissions", short_lived: false, journeys: permissions::JOURNEYS },
    Topic { name: "races", short_lived: false, journeys: races::JOURNEYS },
    Topic { name: "docs", short_lived: false, journeys: docs::JOURNEYS },
    Topic { name: "expiry", short_lived: true, journeys: expiry::JOURNEYS },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rule_is_unique() {
        let rules: Vec<_> = TOPICS.iter().flat_map(|topic| topic.journeys).map(Journey::rule).collect();
        assert_eq!(rules.iter().collect::<HashSet<_>>().len(), rules.len());
    }
}
