//! What every resource needs of HTTP: the edge that each request passes, bodies, problems, pages, keys.

mod body;
mod edge;
mod extract;
mod key;
mod page;
mod problem;

pub use body::{Body, Object, present, read_body, read_bytes};
pub use edge::{edge, method_not_allowed, no_such_route, panicked, whole, write_problem};
pub use extract::{Authenticated, PathId, Query, Staff, parse_id};
pub use key::{IdempotencyKey, KeyHeader, keyed};
pub use page::{Cursor, Limit, Page};
pub use problem::{Invalid, Problem};

/// Accepts a text of so many characters (Unicode scalar values, as JSON Schema counts).
pub fn has_length(text: &str, characters: std::ops::RangeInclusive<usize>) -> bool {
    characters.contains(&text.chars().count())
}
