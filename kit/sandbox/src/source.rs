//! The behaviour of each payment source. The functions are pure: the behaviour depends only on the name of the source
//! and on the number of attempts with the same key.
//!
//! | source | behaviour |
//! | --- | --- |
//! | `tok_ok` | the charge succeeds |
//! | `tok_declined` | the charge is declined with `card_declined` |
//! | `tok_slow` | the charge succeeds, but the response takes 3 seconds |
//! | `tok_timeout` | the charge succeeds, but the first request gets no response |
//! | `tok_flaky` | the first two requests fail with 503, then the charge succeeds |
//! | `tok_refused` | every request is rejected with 402 and `source_refused`, and there is no charge |
//! | any other | the charge is declined with `unknown_source` |

use std::time::Duration;

/// The delay of the response for `tok_slow`.
pub const SLOW: Duration = Duration::from_secs(3);

/// The outcome of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The money is captured.
    Succeeded,
    /// The charge is declined with this code. The decision is final: a retry with the same key returns it again.
    Declined(&'static str),
    /// The request is rejected with a 4xx status and no charge is created. A retry gets the same response.
    Refused,
    /// The request fails with 503 and has no effect. A retry with the same key may succeed.
    Unavailable,
}

/// When the provider sends the response to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseTime {
    /// Immediately.
    Immediate,
    /// After this delay. The charge is already stored before the delay.
    Delayed(Duration),
    /// Never. The timeout of the caller has to end the wait.
    Never,
}

/// The outcome of attempt number `attempt` (from 1) with the same key.
pub fn outcome(source: &str, attempt: i64) -> Outcome {
    match source {
        "tok_flaky" if attempt <= 2 => Outcome::Unavailable,
        "tok_refused" => Outcome::Refused,
        "tok_ok" | "tok_slow" | "tok_timeout" | "tok_flaky" => Outcome::Succeeded,
        "tok_declined" => Outcome::Declined("card_declined"),
        _ => Outcome::Declined("unknown_source"),
    }
}

/// When the provider responds to attempt number `attempt` (from 1) with the same key.
pub fn response_time(source: &str, attempt: i64) -> ResponseTime {
    match source {
        "tok_slow" => ResponseTime::Delayed(SLOW),
        "tok_timeout" if attempt == 1 => ResponseTime::Never,
        _ => ResponseTime::Immediate,
    }
}
