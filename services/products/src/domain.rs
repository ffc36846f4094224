//! Products and their stock.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Money, ProductId, Refused, web::has_length};

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

impl Product {
    /// Changes what is given.
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

/// What a product costs: between one cent and a million euros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
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

/// What became of the stock of one order. It stands for ever: an order's stock is held once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// All its lines are set aside.
    Held,
    /// Nothing could be set aside.
    Refused(Refused),
    /// All its lines are sold.
    Sold,
    /// Nothing of it is held or sold, and nothing will be, also where it was not held before: a hold that comes after
    /// its release finds this, and does nothing.
    Released,
}

/// The words of a product, as searches look for them.
pub fn searchable(name: &str, description: &str) -> String {
    words(name).chain(words(description)).collect::<Vec<_>>().join(" ")
}

/// A search as a query for the index of words; none where there is no word to search for.
///
/// Every word must be there, at least as the beginning of one. Quoted as they are, none is an operator of the query.
pub fn search_query(text: &str) -> Option<String> {
    let words: Vec<_> = words(text).map(|word| format!("\"{word}\"*")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Runs of letters and digits; all else separates. Upper case and then lower, because some letters have two lower cases.
fn words(text: &str) -> impl Iterator<Item = String> {
    static WORD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\p{L}\p{N}]+").expect("a regular expression"));
    let folded =
        |word: &str| word.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    WORD.find_iter(text).map(move |word| folded(word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_search_is_quoted_so_that_none_is_an_operator() {
        assert_eq!(search_query("Blue  mug").as_deref(), Some(r#""blue"* "mug"*"#));
        assert_eq!(
            search_query(r#"a" OR b* NEAR(c-d"#).as_deref(),
            Some(r#""a"* "or"* "b"* "near"* "c"* "d"*"#)
        );
    }

    #[test]
    fn a_search_without_a_word_has_no_query() {
        for text in ["", " \"*-()' ", "Ⓐ", "🦀", "\u{301}"] {
            assert_eq!(search_query(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_word_is_the_same_in_any_case() {
        for (one, other) in [("MUG", "mug"), ("ΟΔΟΣ", "οδος"), ("Straße", "STRASSE"), ("ႠႡ", "ⴀⴁ")]
        {
            assert_eq!(searchable(one, ""), searchable(other, ""));
        }
    }

    #[test]
    fn units_have_bounds() {
        assert!(
            parse_units(0, 0).is_ok() && parse_units(0, 1).is_err() && parse_units(1_000_001, 0).is_err()
        );
    }
}
