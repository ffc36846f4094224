//! The types and rules of products and their stock.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use chassis::{money::Money, text::folded, web::has_length};

/// The id of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductId(pub Uuid);

/// The id of the order for which stock is held. This context knows nothing else about orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderId(pub Uuid);

/// A product, as the API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Product {
    /// Its position in the order of creation.
    #[serde(skip)]
    pub seq: i64,
    /// The id of the product, created by the shop.
    pub id: ProductId,
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The current price of one unit.
    pub price: Money,
    /// The number of units that can be ordered.
    pub available: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its name, description or price last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// Applies a change.
    pub fn change(&mut self, change: ProductChange, now: Timestamp) {
        if let Some(ProductName(name)) = change.name {
            self.name = name;
        }
        if let Some(Description(description)) = change.description {
            self.description = description;
        }
        if let Some(Price(price)) = change.price {
            self.price = price;
        }
        self.updated_at = now;
    }
}

/// The stock ledger of a product, in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// The product.
    pub product_id: ProductId,
    /// All units that were ever added.
    pub received: i64,
    /// Units that can be ordered.
    pub available: i64,
    /// Units held for orders that are not paid yet.
    pub held: i64,
    /// Units sold to paid orders.
    pub sold: i64,
}

/// The price of a product: from one cent to a million euros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(Money);

impl Price {
    /// Accepts 1 to 100,000,000 cents.
    pub fn parse(money: Money) -> Result<Self, &'static str> {
        match money.amount {
            1..=100_000_000 => Ok(Self(money)),
            _ => Err("must be between 1 and 100000000 cents"),
        }
    }

    /// The amount, in cents.
    pub fn cents(self) -> i64 {
        self.0.amount
    }
}

/// A new product.
#[derive(Debug)]
pub struct NewProduct {
    /// 1 to 200 characters.
    pub name: ProductName,
    /// At most 4,000 characters.
    pub description: Description,
    /// The price of one unit.
    pub price: Price,
    /// The initial stock in units, 0 to 1,000,000.
    pub stock: i64,
}

/// A change of a product.
#[derive(Debug)]
pub struct ProductChange {
    /// The new name, if it changes.
    pub name: Option<ProductName>,
    /// The new description, if it changes.
    pub description: Option<Description>,
    /// The new price, if it changes.
    pub price: Option<Price>,
}

/// A valid product name.
#[derive(Debug)]
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

/// A valid product description.
#[derive(Debug)]
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

/// Accepts a number of units for the initial stock or a restock: `at_least` to 1,000,000.
pub fn parse_units(units: i64, at_least: i64) -> Result<i64, &'static str> {
    if (at_least..=1_000_000).contains(&units) {
        Ok(units)
    } else {
        Err("must be a number of units, at most 1000000")
    }
}

/// The number of units in a line of an order: 1 to 1,000.
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

/// The name and price of a line, fixed when its stock is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLine {
    /// The product's name at that time.
    pub name: String,
    /// The product's price at that time.
    pub unit_price: Money,
}

/// Why stock cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Fewer units are available than ordered.
    OutOfStock,
    /// The product does not exist.
    UnknownProduct,
}

/// The words of a product, in the normalised form that searches use.
pub fn searchable(name: &str, description: &str) -> String {
    [words(name), words(description)].concat().join(" ")
}

/// Turns a search into an FTS5 query, or none if the search contains no word.
///
/// Each word matches as a prefix, and all of them must match. Words are quoted, so that none is read as an operator.
pub fn search_query(text: &str) -> Option<String> {
    let words: Vec<_> = words(text).iter().map(|word| format!("\"{word}\"*")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Splits a text into words, in the form in which texts are compared. A word is a run of letters and digits with their marks:
/// in many scripts the vowels are marks.
fn words(text: &str) -> Vec<String> {
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*").expect("a regular expression"));
    WORD.find_iter(&folded(text)).map(|word| word.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_words_are_quoted_so_that_none_is_an_operator() {
        assert_eq!(search_query("Blue  mug").as_deref(), Some(r#""blue"* "mug"*"#));
        assert_eq!(
            search_query(r#"a" OR b* NEAR(c-d"#).as_deref(),
            Some(r#""a"* "or"* "b"* "near"* "c"* "d"*"#)
        );
    }

    #[test]
    fn a_search_without_a_word_has_no_query() {
        for text in ["", " \"*-()' ", "🦀", "\u{301}"] {
            assert_eq!(search_query(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_word_is_the_same_in_any_case_and_unicode_form() {
        for (one, other) in [
            ("MUG", "mug"),
            ("ΟΔΟΣ", "οδος"),
            ("Straße", "STRASSE"),
            ("ႠႡ", "ⴀⴁ"),
            ("cafe\u{301}", "caf\u{e9}"),
        ] {
            assert_eq!(searchable(one, ""), searchable(other, ""));
        }
    }

    #[test]
    fn a_word_keeps_its_marks() {
        let hindi = "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}";
        assert_eq!(searchable(hindi, "mug"), format!("{hindi} mug"));
    }

    #[test]
    fn quantities_and_units_are_limited() {
        assert!(Quantity::parse(1).is_ok() && Quantity::parse(1000).is_ok());
        assert!(
            Quantity::parse(0).is_err() && Quantity::parse(1001).is_err() && Quantity::parse(-1).is_err()
        );
        assert!(
            parse_units(0, 0).is_ok() && parse_units(0, 1).is_err() && parse_units(1_000_001, 0).is_err()
        );
    }
}
