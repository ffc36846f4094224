//! Measures again and compares with `answers.toml`.

use reads::reads;
use serde_json::Value;

#[path = "../examples/reads.rs"]
mod reads;

/// The answer, as `just check` passes it on.
fn answer(name: &str) -> usize {
    let answers: Value = serde_json::from_str(&std::env::var("ANSWERS").unwrap()).unwrap();
    let answer = answers[name].as_u64().unwrap_or_else(|| panic!("{name} must be a whole number of reads"));
    answer.try_into().unwrap()
}

#[tokio::test]
async fn a_page_needs_one_read_for_its_orders_and_more_for_their_names() {
    assert_eq!(answer("one_order"), reads(1, 1).await, "one_order");
    assert_eq!(answer("five_orders"), reads(5, 5).await, "five_orders");
}

#[tokio::test]
async fn orders_of_one_customer_are_read_like_orders_of_several() {
    assert_eq!(answer("one_customer"), reads(5, 1).await, "one_customer");
}

#[tokio::test]
async fn the_reads_grow_with_the_page() {
    assert_eq!(answer("full_page"), reads(100, 5).await, "full_page");
}
