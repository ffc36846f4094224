//! Pages of a list (keyset pagination). A page starts after the key of the last item of the previous page. So page 1,000
//! costs as much to read as page 1, and items that are added in between do not shift the pages.

use std::{fmt::Display, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

/// A page of a list, and the cursor of the next page.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The `cursor` parameter for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page from items that were read with [`Limit::plus_one`]: an extra item means that there is a next page.
    pub fn cut<K: Display>(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit.0;
        items.truncate(limit.0);
        let next_cursor = items.last().filter(|_| more).map(|item| Cursor(key(item)).encode());
        Self { items, next_cursor }
    }
}

/// The maximum number of items on a page.
#[derive(Clone, Copy, Debug)]
pub struct Limit(usize);

impl Limit {
    /// Accepts 1 to 100; the default is 20.
    pub fn parse(text: Option<&str>) -> Result<Self, &'static str> {
        let limit = text.map_or(Ok(20), str::parse);
        limit
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .map(Self)
            .ok_or("must be a whole number from 1 to 100")
    }

    /// The limit plus one, which is the number of items to read.
    pub fn plus_one(self) -> i64 {
        i64::try_from(self.0).unwrap_or(100) + 1
    }
}

/// The key of the last item of a page. It is opaque to clients, so that it can change later.
pub struct Cursor<K>(pub K);

impl<K: Display> Cursor<K> {
    fn encode(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.to_string())
    }
}

impl<K: FromStr> Cursor<K> {
    /// Accepts the `next_cursor` of a page; without one, the list starts at the beginning.
    pub fn parse(text: Option<&str>) -> Result<Option<K>, &'static str> {
        text.map(|text| Self::decode(text).ok_or("is not a cursor that this API returned")).transpose()
    }

    fn decode(text: &str) -> Option<K> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_but_the_last_has_a_cursor() {
        let limit = Limit::parse(Some("2")).unwrap();
        let page = Page::cut(vec![9, 8, 7], limit, |n| *n);
        assert_eq!(page.items, [9, 8]);
        assert_eq!(Cursor::<i64>::parse(page.next_cursor.as_deref()), Ok(Some(8)));
        assert_eq!(Page::cut(vec![7], limit, |n| *n).next_cursor, None);
    }

    #[test]
    fn a_cursor_that_the_api_did_not_return_is_rejected() {
        for bad in ["", "%", "8", "AAAA", "ziffern"] {
            assert!(Cursor::<i64>::parse(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_limit_is_from_1_to_100() {
        assert!(Limit::parse(None).is_ok() && Limit::parse(Some("100")).is_ok());
        for bad in ["0", "101", "-1", "2.5", "", "ten", "99999999999999999999999"] {
            assert!(Limit::parse(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
