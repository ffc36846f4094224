use contracts::stock::ProductId;
use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::Products;

/// A text, percent-encoded for a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}

async fn names(products: &Products, query: &str) -> Vec<String> {
    let page = products.client.get(&format!("/products?q={}", encoded(query)), None).await.body;
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_search_matches_the_beginnings_of_words_in_any_case() {
    let products = Products::open().await;
    for name in ["Blue Mug", "Blue Plate", "Übergroße Tasse", "東京タワー"] {
        products.product(name, 100, 1).await;
    }
    assert_eq!(names(&products, "blue").await, ["Blue Plate", "Blue Mug"], "newest first");
    assert_eq!(names(&products, "MU bl").await, ["Blue Mug"]);
    assert_eq!(names(&products, "ug").await, [""; 0], "not the middle of a word");
    assert_eq!(names(&products, "über").await, ["Übergroße Tasse"]);
    assert_eq!(names(&products, "東京").await, ["東京タワー"]);
    assert_eq!(names(&products, "NOT plate").await, [""; 0], "an operator is an ordinary word");
    assert_eq!(names(&products, "\"* (🦀").await.len(), 4, "a search without a word lists every product");
}

#[tokio::test]
async fn a_changed_product_is_read_and_found_as_changed() {
    let products = Products::open().await;
    let mug = products.product("Mug", 100, 1).await;
    let changed =
        products.patch(mug, json!({"name": "Beaker", "price": {"amount": 250, "currency": "EUR"}})).await;
    assert_eq!((changed.status, &changed.body["price"]["amount"]), (StatusCode::OK, &json!(250)));
    assert_eq!(products.get(&format!("/products/{}", mug.0)).await.body, changed.body);
    assert_eq!(names(&products, "mug").await, [""; 0]);
    assert_eq!(names(&products, "beaker").await, ["Beaker"]);
}

#[tokio::test]
async fn pages_contain_every_product_once_while_others_are_added() {
    let products = Products::open().await;
    for n in 0..7 {
        products.product(&format!("Mug {n}"), 100, 1).await;
    }
    for query in ["", "&q=mug"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = products.client.get(&format!("/products?limit=3{query}{cursor}"), None).await.body;
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
            products.product("Mug added meanwhile", 100, 1).await;
            let Value::String(next) = &page["next_cursor"] else { break };
            cursor = format!("&cursor={next}");
        }
        seen.retain(|name| name != "Mug added meanwhile");
        assert_eq!(seen, (0..7).rev().map(|n| format!("Mug {n}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_repeated_restock_adds_its_units_once() {
    let products = Products::open().await;
    let mug: ProductId = products.product("Mug", 100, 5).await;
    let path = format!("/products/{}/restocks", mug.0);
    let first = products.post_keyed(&path, "delivery-1", json!({"quantity": 10})).await;
    let again = products.post_keyed(&path, "delivery-1", json!({"quantity": 10})).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body, again.body);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = products.post_keyed(&path, "delivery-1", json!({"quantity": 11})).await;
    assert_eq!(
        (other.status, &other.body["type"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/key-reused"))
    );
    assert_eq!(products.stock(mug).await, [15, 15, 0, 0]);
}
