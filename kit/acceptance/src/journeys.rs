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

/// Declares the topics' files, in the order in which they are run.
macro_rules! topics {
    ($($name:ident: $short_lived:literal),* $(,)?) => {
        $(mod $name;)*
        /// Every topic, in reading order.
        pub const TOPICS: &[Topic] =
            &[$(Topic { name: stringify!($name), short_lived: $short_lived, journeys: $name::JOURNEYS }),*];
    };
}

topics! {
    users: false,
    sessions: false,
    products: false,
    search: false,
    stock: false,
    orders: false,
    payments: false,
    cancellation: false,
    shipping: false,
    idempotency: false,
    errors: false,
    permissions: false,
    races: false,
    docs: false,
    expiry: true,
}

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
