//! The rules of the shop, a file a topic.

use anyhow::Result;
use futures_util::future::LocalBoxFuture;

use crate::World;

/// A rule and the way to see whether the shop keeps it.
#[derive(Clone, Copy)]
pub struct Journey {
    pub(crate) name: &'static str,
    /// Fails with what the shop did instead.
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
    /// One word.
    pub name: &'static str,
    /// Whether they need a stage where orders and tokens live for seconds.
    pub short_lived: bool,
    /// In reading order.
    pub journeys: &'static [Journey],
}

/// Makes a file's table from the names of its journeys.
macro_rules! journeys {
    ($($name:ident),* $(,)?) => {
        /// The journeys of this topic.
        pub(super) const JOURNEYS: &[$crate::Journey] =
            &[$($crate::Journey { name: stringify!($name), run: |world| Box::pin($name(world)) }),*];
    };
}

mod users;
mod sessions;
mod products;
mod search;
mod stock;
mod orders;
mod payments;
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
    Topic { name: "sessions", short_lived: false, journeys: sessions::JOURNEYS },
    Topic { name: "products", short_lived: false, journeys: products::JOURNEYS },
    Topic { name: "search", short_lived: false, journeys: search::JOURNEYS },
    Topic { name: "stock", short_lived: false, journeys: stock::JOURNEYS },
    Topic { name: "orders", short_lived: false, journeys: orders::JOURNEYS },
    Topic { name: "payments", short_lived: false, journeys: payments::JOURNEYS },
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
    fn no_rule_is_stated_twice() {
        let rules: Vec<_> = TOPICS.iter().flat_map(|topic| topic.journeys).map(Journey::rule).collect();
        assert_eq!(rules.iter().collect::<HashSet<_>>().len(), rules.len());
    }
}
