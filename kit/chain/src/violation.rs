//! What a check reports.

use std::fmt;

/// A rule of the chain that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, from the root of the course; where it is known with its line, `file:line`.
    pub place: String,
    /// What is wrong, and what to do about it.
    pub reason: String,
}

impl Violation {
    /// A violation in a file.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}
