//! HTTP code shared by all resources: request ids, bodies, extractors, idempotency keys, pages and problem documents.

mod body;
mod request_id;
mod extract;
mod key;
mod page;
mod problem;

pub use body::{BODY_LIMIT, Body, Object, non_null, read_body};
pub use extract::{Authentication, PathId, Query, Staff, parse_id};
pub use key::{IdempotencyKey, KeyHeader};
pub use page::{Cursor, Limit, Page};
pub use problem::{Invalid, Problem};
pub use request_id::{handle_panic, method_not_allowed, no_such_route, request_id};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The value of a header that may occur once. If it occurs twice, no value is chosen: a proxy in front of this program may
/// have read the other one.
pub fn single_header(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_none() { Ok(first) } else { Err("must occur only once") }
}

/// Whether the number of characters of a text is in the range. Characters are Unicode scalar values, as in JSON Schema.
pub fn has_length(text: &str, characters: std::ops::RangeInclusive<usize>) -> bool {
    characters.contains(&text.chars().count())
}
