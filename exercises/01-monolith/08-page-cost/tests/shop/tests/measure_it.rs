//! Measures again and compares with `answers.toml`.

use serde_json::Value;
use steps::steps;

#[path = "../examples/steps.rs"]
mod steps;

/// The answer, as `just check` passes it on.
fn answer(name: &str) -> i64 {
    let answers: Value = serde_json::from_str(&std::env::var("ANSWERS").unwrap()).unwrap();
    answers[name].as_i64().unwrap_or_else(|| panic!("{name} must be a whole number of steps"))
}

/// Compares an answer with a new measurement. An answer within a fifth of it counts as equal, because queries may be written in
/// several ways.
async fn compare(name: &str, query: &str) {
    let (answer, steps) = (answer(name), i64::try_from(steps(query).await.1).unwrap());
    let close = if (answer - steps).abs() <= steps / 5 { steps } else { answer };
    assert_eq!(close, steps, "{name}");
}

#[tokio::test]
async fn page_50_by_key_costs_what_the_first_page_costs() {
    compare("first_page", "select id, name, price from products order by seq desc limit 20").await;
    compare("page_50_by_key", "select id, name, price from products where seq < 21 order by seq desc limit 20").await;
}

#[tokio::test]
async fn page_50_by_offset_costs_what_it_skips() {
    compare("page_50_by_offset", "select id, name, price from products order by seq desc limit 20 offset 980").await;
}

#[tokio::test]
async fn an_order_without_an_index_reads_every_row() {
    compare("cheapest", "select id, name, price from products order by price limit 20").await;
}
