//! The response to an internal error.

use reqwest::StatusCode;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Shop, line};

#[tokio::test]
async fn an_internal_error_reveals_no_details() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", shop.database().display())).await.unwrap();
    let trigger = "create trigger broken before insert on orders begin select raise(abort, 'a secret of the database'); end";
    sqlx::query(trigger).execute(&mut conn).await.unwrap();

    let failed = shop.post("/orders", &customer, line(&product, 1)).await;
    assert_eq!((failed.status, &failed.body["type"]), (StatusCode::INTERNAL_SERVER_ERROR, &"/problems/internal".into()));
    assert_eq!(failed.body["detail"], Value::Null, "its detail");
    assert!(!failed.body.to_string().contains("secret"), "{}", failed.body);
}
