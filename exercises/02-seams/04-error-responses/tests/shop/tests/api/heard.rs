//! What a client hears of what is our fault.

use reqwest::StatusCode;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Shop, line};

#[tokio::test]
async fn what_is_our_fault_tells_nothing_of_the_inside() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", shop.database().display())).await.unwrap();
    let cellar = "create trigger cellar before insert on orders begin select raise(abort, 'the key is under the mat'); end";
    sqlx::query(cellar).execute(&mut conn).await.unwrap();

    let failed = shop.post("/orders", &customer, line(&product, 1)).await;
    assert_eq!((failed.status, &failed.body["type"]), (StatusCode::INTERNAL_SERVER_ERROR, &"/problems/internal".into()));
    assert_eq!(failed.body["detail"], Value::Null, "its detail");
    assert!(!failed.body.to_string().contains("mat"), "{}", failed.body);
}
