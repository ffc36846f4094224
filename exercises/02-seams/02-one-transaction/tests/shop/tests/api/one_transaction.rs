//! An order, its stock and its answer, if one of them cannot be stored.

use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Shop, line};

async fn execute(shop: &Shop, statement: &'static str) {
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", shop.database().display())).await.unwrap();
    sqlx::query(statement).execute(&mut conn).await.unwrap();
}

#[tokio::test]
async fn an_order_that_cannot_be_stored_holds_nothing() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    execute(&shop, "create trigger broken before insert on orders begin select raise(abort, 'broken'); end").await;
    let failed = shop.post("/orders", &customer, line(&product, 2)).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0], "received, available, held and sold");
    execute(&shop, "drop trigger broken").await;
    shop.order(&customer, &product, 5).await;
}

#[tokio::test]
async fn if_the_answer_cannot_be_stored_neither_is_the_order() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    execute(&shop, "create trigger broken before insert on idempotency begin select raise(abort, 'broken'); end").await;
    let failed = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 2)).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    execute(&shop, "drop trigger broken").await;
    assert_eq!(shop.get("/orders", &customer).await.body["items"], json!([]), "orders of the customer");
    assert_eq!(shop.stock(&product).await, [5, 5, 0, 0], "received, available, held and sold");
    let repeated = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 2)).await;
    assert_eq!((repeated.status, &repeated.body["status"]), (StatusCode::CREATED, &json!("awaiting_payment")));
}

#[tokio::test]
async fn a_key_with_another_basket_is_rejected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let placed = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 2)).await;
    assert_eq!(placed.status, StatusCode::CREATED);
    let other = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 3)).await;
    assert_eq!((other.status, &other.body["type"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/key-reused")));
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0], "received, available, held and sold");
}
