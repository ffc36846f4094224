//! Receipts.

/// A line a price.
pub fn receipt(prices: &[u32]) -> String {
    prices.iter().map(|price| format!("{price}\n")).collect()
}
