//! What each payment source does. Pure: what a source does depends on its name and on how often its charge was asked for.

use std::time::Duration;

/// How long `tok_slow` keeps its caller waiting.
pub const SLOW: Duration = Duration::from_secs(3);

/// What becomes of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The money is taken.
    Succeeded,
    /// It is refused for good, with this code; the same key gets the same refusal.
    Declined(&'static str),
    /// Nothing happened: the caller gets 503 and may ask again under the same key.
    TryLater,
}

/// When the caller hears of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// At once.
    Now,
    /// After this long; the charge is already made by then.
    After(Duration),
    /// Never: the caller's deadline has to end the wait.
    Never,
}

/// What becomes of a charge on `source` that is asked for the `asked`-th time (from 1) under its key.
pub fn outcome(source: &str, asked: i64) -> Outcome {
    match source {
        "tok_flaky" if asked <= 2 => Outcome::TryLater,
        "tok_ok" | "tok_slow" | "tok_timeout" | "tok_flaky" => Outcome::Succeeded,
        "tok_declined" => Outcome::Declined("card_declined"),
        _ => Outcome::Declined("unknown_source"),
    }
}

/// When the `asked`-th caller is told.
pub fn answer(source: &str, asked: i64) -> Answer {
    match source {
        "tok_slow" => Answer::After(SLOW),
        "tok_timeout" if asked == 1 => Answer::Never,
        _ => Answer::Now,
    }
}
