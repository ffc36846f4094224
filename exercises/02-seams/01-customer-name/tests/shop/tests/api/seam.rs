//! Names of customers on orders: `orders` calls `users`, and reads none of its tables.

use std::time::Duration;

use chassis::{
    Db,
    caller::{Caller, Role, UserId},
    web::Limit,
};
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, from_value, json};
use sqlx::{Connection, SqliteConnection};
use tokio::time::{sleep, timeout};

use crate::harness::{Shop, answer};

async fn rename(shop: &Shop, token: &str, name: &str) {
    let change = shop.request(Method::PATCH, "/users/me").bearer_auth(token).json(&json!({ "name": name }));
    assert_eq!(answer(change).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_order_of_a_page_has_the_current_name_of_its_customer() {
    let shop = Shop::open().await;
    let (product, ada, bob) =
        (shop.product("Mug", 100, 9).await, shop.customer().await, shop.customer().await);
    rename(&shop, &bob, "Bob").await;
    for customer in [&ada, &bob, &ada] {
        shop.order(customer, &product, 1).await;
    }
    rename(&shop, &ada, "Countess").await;
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
async fn an_order_can_be_read_if_its_name_cannot() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let url = format!("sqlite://{}", shop.database().display());
    let mut users = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("alter table users rename to accounts").execute(&mut users).await.unwrap();

    let read = shop.get(&order, &customer).await;
    assert_eq!((read.status, &read.body["customer_name"]), (StatusCode::OK, &Value::Null), "one order");
    let list = shop.get("/orders", &customer).await;
    assert_eq!(
        (list.status, &list.body["items"][0]["customer_name"]),
        (StatusCode::OK, &Value::Null),
        "a list"
    );
}

#[tokio::test]
async fn waiting_for_a_name_holds_no_connection_of_orders() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let path = shop.order(&customer, &product, 1).await;
    let order = shop.get(&path, &customer).await.body;
    let caller =
        Caller { id: UserId(from_value(order["customer_id"].clone()).unwrap()), role: Role::Customer };

    let db = Db::open(&shop.database()).await.unwrap();
    let busy = db.with_own_readers().await.unwrap();
    let (second, hour) = (SignedDuration::from_secs(1), SignedDuration::from_hours(1));
    let users = users::App::open(busy.clone(), hour).await.unwrap();
    let orders = orders::App::open(db.clone(), users, "http://localhost", second, hour).await.unwrap();
    let mut all_connections_of_users = Vec::new();
    while let Ok(conn) = timeout(Duration::from_millis(300), busy.read()).await {
        all_connections_of_users.push(conn.unwrap());
    }

    for _ in 0..8 {
        let (orders, id) = (orders.clone(), order["id"].clone());
        tokio::spawn(async move { orders.read_order(caller, from_value(id).unwrap()).await });
    }
    sleep(Duration::from_millis(500)).await;
    let read = timeout(Duration::from_secs(2), db.read()).await;
    assert!(read.is_ok(), "`read_order` waits for `users`, and no other request can read orders");
    drop(read);

    for _ in 0..8 {
        let (orders, limit) = (orders.clone(), Limit::parse(None).unwrap());
        tokio::spawn(async move { orders.list_orders(caller, false, limit, None).await });
    }
    sleep(Duration::from_millis(500)).await;
    let read = timeout(Duration::from_secs(2), db.read()).await;
    assert!(read.is_ok(), "`list_orders` waits for `users`, and no other request can read orders");
}
