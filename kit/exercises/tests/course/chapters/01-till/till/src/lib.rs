//! A till.

mod receipt;

pub use receipt::receipt;

/// Adds up some prices.
pub fn total(prices: &[u32]) -> u32 {
    prices.iter().sum()
}

/// A till with money in it.
pub struct Till {
    /// In cents.
    pub cents: u32,
}

impl Till {
    /// Pays out money, or nothing if there is not enough.
    pub fn give(&mut self, cents: u32) -> Option<u32> {
        self.cents = self.cents.checked_sub(cents)?;
        Some(cents)
    }

    /// Retries a request until it succeeds, up to a number of attempts.
    pub fn retry(&self, mut request: impl FnMut() -> bool, attempts: u32) -> bool {
        (0..attempts).any(|_| request())
    }
}

/// How a customer is greeted.
pub fn greeting() -> &'static str {
    include_str!("../greeting.txt").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_contains_every_price() {
        assert_eq!(total(&[1, 2, 3]), 6);
        assert_eq!(total(&[]), 0, "of nothing");
    }

    #[test]
    fn no_more_is_given_than_is_there() {
        let mut till = Till { cents: 5 };
        assert_eq!((till.give(6), till.cents), (None, 5));
        assert_eq!((till.give(4), till.cents), (Some(4), 1));
    }

    #[test]
    fn a_failing_request_is_not_retried_forever() {
        assert!(!Till { cents: 0 }.retry(|| false, 3));
    }
}
