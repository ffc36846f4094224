//! What crosses from users to orders: a name, and no table.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Shop, answer};

async fn call_oneself(shop: &Shop, token: &str, name: &str) {
    let change = shop.request(Method::PATCH, "/users/me").bearer_auth(token).json(&json!({ "name": name }));
    assert_eq!(answer(change).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_order_of_a_page_has_the_present_name_of_its_own_customer() {
    let shop = Shop::open().await;
    let (product, ada, bob) = (shop.product("Mug", 100, 9).await, shop.customer().await, shop.customer().await);
    call_oneself(&shop, &bob, "Bob").await;
    for customer in [&ada, &bob, &ada] {
        shop.order(customer, &product, 1).await;
    }
    call_oneself(&shop, &ada, "Countess").await;
    let names = async |list: &str, token: &str| {
        let page = shop.get(list, token).await.body;
        let items = page["items"].as_array().expect("a page has items").clone();
        items.iter().map(|order| order["customer_name"].clone()).collect::<Vec<_>>()
    };
    let staff = shop.staff().await;
    assert_eq!(names("/orders?scope=all", &staff).await, ["Countess", "Bob", "Countess"], "newest first");
    assert_eq!(names("/orders?scope=all&limit=2", &staff).await, ["Countess", "Bob"]);
    assert_eq!(names("/orders", &bob).await, ["Bob"]);
}

#[tokio::test]
async fn an_order_is_read_also_when_no_name_can_be_had() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let url = format!("sqlite://{}", shop.database().display());
    let mut users = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("alter table users rename to accounts").execute(&mut users).await.unwrap();

    let read = shop.get(&order, &customer).await;
    assert_eq!((read.status, &read.body["customer_name"]), (StatusCode::OK, &Value::Null), "one order");
    let list = shop.get("/orders", &customer).await;
    assert_eq!((list.status, &list.body["items"][0]["customer_name"]), (StatusCode::OK, &Value::Null), "a list");
}
