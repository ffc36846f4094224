//! Products and their stock.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Money, Price, web::has_length};

/// The id of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductId(pub Uuid);

/// For whom stock is held: an order, and this context knows nothing of it but its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderId(pub Uuid);

/// A product, as everybody sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    /// Where it stands in the order of creation.
    #[serde(skip)]
    pub seq: i64,
    /// Made by the shop.
    pub id: ProductId,
    /// What it is called.
    pub name: String,
    /// What there is to say about it.
    pub description: String,
    /// What one costs, now.
    pub price: Money,
    /// How many can be ordered, now.
    pub available: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its name, description or price last changed.
    pub updated_at: Timestamp,
}

/// The stock ledger of a product, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Whose stock.
    pub product_id: ProductId,
    /// All that ever came in.
    pub received: i64,
    /// What can be ordered.
    pub available: i64,
    /// What is set aside for orders that are not paid yet.
    pub held: i64,
    /// What is paid for.
    pub sold: i64,
}

/// A product to add.
#[derive(Debug, Serialize)]
pub struct NewProduct {
    /// 1 to 200 characters.
    pub name: ProductName,
    /// At most 4,000 characters.
    pub description: Description,
    /// What one costs.
    pub price: Price,
    /// The first units, 0 to 1,000,000.
    pub stock: i64,
}

/// What to change of a product.
#[derive(Debug)]
pub struct ProductChange {
    /// The new name, if it gets one.
    pub name: Option<ProductName>,
    /// The new description, if it gets one.
    pub description: Option<Description>,
    /// The new price, if it gets one. Orders that hold stock keep the one they have.
    pub price: Option<Price>,
}

/// A valid name of a product.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct ProductName(String);

impl ProductName {
    /// Accepts 1 to 200 characters.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if has_length(&text, 1..=200) { Ok(Self(text)) } else { Err("must have 1 to 200 characters") }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A valid description of a product.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Description(String);

impl Description {
    /// Accepts at most 4,000 characters.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if has_length(&text, 0..=4000) { Ok(Self(text)) } else { Err("must have at most 4000 characters") }
    }

    /// The description as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Accepts how many units there are at first, or come in later.
pub fn parse_units(units: i64, at_least: i64) -> Result<i64, &'static str> {
    if (at_least..=1_000_000).contains(&units) {
        Ok(units)
    } else {
        Err("must be a number of units, at most 1000000")
    }
}

/// How many of a product somebody orders: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// Accepts 1 to 1,000.
    pub fn parse(quantity: i64) -> Result<Self, &'static str> {
        if (1..=1000).contains(&quantity) { Ok(Self(quantity)) } else { Err("must be between 1 and 1000") }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// What a line of an order is from the moment its stock is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLine {
    /// The product's name at that moment.
    pub name: String,
    /// The product's price at that moment.
    pub unit_price: Money,
}

/// Why stock cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is less available than was asked for.
    OutOfStock,
    /// There is no such product.
    UnknownProduct,
}

/// A word, to a customer and to the full-text index alike: a run of letters and digits.
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}]+").expect("a regular expression"));

/// The words of a search, as a query for the full-text index; none where there is no word to search for.
///
/// A word matches the beginning of a word. All else separates: with every word quoted, nothing that a customer types
/// is an operator of the query language.
pub fn search_words(text: &str) -> Option<String> {
    let words: Vec<_> = WORD.find_iter(text).map(|word| format!("\"{}\"*", word.as_str())).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_search_is_quoted_so_that_none_is_an_operator() {
        assert_eq!(search_words("Blue  mug").as_deref(), Some(r#""Blue"* "mug"*"#));
        assert_eq!(
            search_words(r#"a" OR b* NEAR(c-d"#).as_deref(),
            Some(r#""a"* "OR"* "b"* "NEAR"* "c"* "d"*"#)
        );
    }

    #[test]
    fn a_search_without_a_word_has_no_query() {
        assert_eq!(search_words(""), None);
        assert_eq!(search_words(" \"*-()' "), None);
        assert_eq!(search_words("Ⓐ ा"), None, "a symbol and a lone vowel sign");
    }

    #[test]
    fn quantities_and_units_have_bounds() {
        assert!(Quantity::parse(1).is_ok() && Quantity::parse(1000).is_ok());
        assert!(
            Quantity::parse(0).is_err() && Quantity::parse(1001).is_err() && Quantity::parse(-1).is_err()
        );
        assert!(
            parse_units(0, 0).is_ok() && parse_units(0, 1).is_err() && parse_units(1_000_001, 0).is_err()
        );
    }
}
