//! A till.

mod receipt;

pub use receipt::receipt;

/// What some things cost together.
pub fn total(prices: &[u32]) -> u32 {
    prices.iter().sum()
}

/// What a till has in it.
pub struct Till {
    /// In cents.
    pub cents: u32,
}

impl Till {
    /// Gives money out, or none where there is not enough.
    pub fn give(&mut self, cents: u32) -> Option<u32> {
        self.cents = self.cents.checked_sub(cents)?;
        Some(cents)
    }

    /// Asks until the answer is yes, so many times at most.
    pub fn ask(&self, mut answer: impl FnMut() -> bool, times: u32) -> bool {
        (0..times).any(|_| answer())
    }
}

/// What a customer hears first.
pub fn greeting() -> &'static str {
    include_str!("../greeting.txt").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_has_every_price() {
        assert_eq!(total(&[1, 2, 3]), 6);
        assert_eq!(total(&[]), 0, "of nothing");
    }

    #[test]
    fn what_is_not_there_is_not_given() {
        let mut till = Till { cents: 5 };
        assert_eq!((till.give(6), till.cents), (None, 5));
        assert_eq!((till.give(4), till.cents), (Some(4), 1));
    }

    #[test]
    fn who_says_no_is_not_asked_for_ever() {
        assert!(!Till { cents: 0 }.ask(|| false, 3));
    }
}
