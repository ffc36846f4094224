use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Shop, answer};

async fn names(shop: &Shop, query: &str) -> Vec<String> {
    let page = answer(shop.request(Method::GET, "/products").query(&[("q", query)])).await.body;
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_search_matches_prefixes_of_all_its_words_ignoring_case() {
    let shop = Shop::open().await;
    for name in ["Blue Mug", "Blue Plate", "Übergroße Tasse", "東京タワー", "Kaffee-Becher 500ml"] {
        shop.product(name, 100, 1).await;
    }
    assert_eq!(names(&shop, "blue").await, ["Blue Plate", "Blue Mug"], "newest first");
    assert_eq!(names(&shop, "MU bl").await, ["Blue Mug"]);
    assert_eq!(names(&shop, "ug").await, [""; 0], "not the middle of a word");
    assert_eq!(names(&shop, "über").await, ["Übergroße Tasse"]);
    assert_eq!(names(&shop, "uber").await, [""; 0], "an umlaut is a different letter");
    assert_eq!(names(&shop, "東京").await, ["東京タワー"]);
    assert_eq!(names(&shop, "becher/500").await, ["Kaffee-Becher 500ml"]);
}

#[tokio::test]
async fn operators_of_the_query_language_are_ordinary_text() {
    let shop = Shop::open().await;
    shop.product("Blue Mug", 100, 1).await;
    for query in ["\"", "*", "^", "(", ")", "-", "'", "{}", ":", "+", "  ", "🦀", "%"] {
        assert_eq!(
            names(&shop, query).await,
            ["Blue Mug"],
            "{query:?} contains no word, so it lists everything"
        );
    }
    for query in ["blue OR plate", "NOT plate", "name:blue", "NEAR(blue mug)"] {
        assert_eq!(names(&shop, query).await, [""; 0], "{query:?} contains a word that no product contains");
    }
    assert_eq!(names(&shop, "blue* \"mug").await, ["Blue Mug"]);
}

/// For any name of a product: a search for exactly that name succeeds and finds the product.
#[test]
fn every_product_is_found_by_its_own_name() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Shop::open());
    let find = |name: &str| {
        let id = runtime.block_on(shop.product(name, 100, 1));
        let request = shop.request(Method::GET, "/products").query(&[("q", name), ("limit", "1")]);
        let found = runtime.block_on(answer(request));
        prop_assert_eq!(found.status, StatusCode::OK, "{:?}", name);
        prop_assert_eq!(&found.body["items"][0]["id"], &id, "{:?}", name);
        Ok(())
    };
    for name in ["🥑Avocado", "₿Bitcoin", "Cafe\u{301}s", "हिन्दी किताब", "İstanbul", "ΟΔΟΣ", "Straße", "a🧵b"]
    {
        find(name).unwrap();
    }
    let cases = TestRunner::new(ProptestConfig::with_cases(64)).run(&"\\PC{1,40}", |name| find(&name));
    cases.unwrap();
}

#[tokio::test]
async fn a_renamed_product_is_found_by_its_new_name_only() {
    let shop = Shop::open().await;
    let product = shop.product("Mug", 100, 1).await;
    let change = shop.request(Method::PATCH, &format!("/products/{product}")).bearer_auth(shop.staff().await);
    let changed =
        answer(change.json(&json!({"name": "Beaker", "price": {"amount": 250, "currency": "EUR"}}))).await;
    assert_eq!((changed.status, &changed.body["price"]["amount"]), (StatusCode::OK, &json!(250)));
    assert_eq!(names(&shop, "mug").await, [""; 0]);
    assert_eq!(names(&shop, "beaker").await, ["Beaker"]);
}

#[tokio::test]
async fn pages_contain_every_product_once_while_more_are_added() {
    let shop = Shop::open().await;
    for n in 0..7 {
        shop.product(&format!("Mug {n}"), 100, 1).await;
    }
    for query in ["", "&q=mug"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = shop.get(&format!("/products?limit=3{query}{cursor}"), "").await.body;
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
            shop.product("Mug added meanwhile", 100, 1).await;
            let Value::String(next) = &page["next_cursor"] else { break };
            cursor = format!("&cursor={next}");
        }
        seen.retain(|name| name != "Mug added meanwhile");
        assert_eq!(seen, (0..7).rev().map(|n| format!("Mug {n}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_restock_with_the_same_key_is_applied_once() {
    let shop = Shop::open().await;
    let (product, staff) = (shop.product("Mug", 100, 5).await, shop.staff().await);
    let path = format!("/products/{product}/restocks");
    let first = shop.post_keyed(&path, &staff, "delivery-1", json!({"quantity": 10})).await;
    let again = shop.post_keyed(&path, &staff, "delivery-1", json!({"quantity": 10})).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body, again.body);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = shop.post_keyed(&path, &staff, "delivery-1", json!({"quantity": 11})).await;
    assert_eq!(
        (other.status, &other.body["type"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/key-reused"))
    );
    assert_eq!(shop.stock(&product).await, [15, 15, 0, 0]);
}
