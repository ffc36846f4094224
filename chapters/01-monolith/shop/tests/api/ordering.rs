use futures::future::join_all;
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Shop, answer, history, line};

#[tokio::test]
async fn an_order_holds_stock_at_the_current_price() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 1250, 5).await, shop.customer().await);
    let order = shop.order(&customer, &product, 2).await;
    let order = shop.get(&order, &customer).await.body;
    assert_eq!(history(&order), ["pending", "awaiting_payment"]);
    assert_eq!(order["total"], json!({"amount": 2500, "currency": "EUR"}));
    assert_eq!(order["customer_name"], "Ada");
    assert_eq!(shop.stock(&product).await, [5, 3, 2, 0]);

    let new_price = json!({"price": {"amount": 9900, "currency": "EUR"}});
    let path = format!("/products/{product}");
    let change = shop.request(Method::PATCH, &path).bearer_auth(shop.staff().await).json(&new_price);
    assert_eq!(answer(change).await.body["price"]["amount"], 9900);
    let path = format!("/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(shop.get(&path, &customer).await.body, order);
}

#[tokio::test]
async fn an_order_is_rejected_as_a_whole_if_one_line_cannot_be_held() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let scarce = shop.product("Plate", 100, 1).await;
    for (other, reason) in [(scarce, "out_of_stock"), (Uuid::now_v7().to_string(), "unknown_product")] {
        let items =
            json!({"items": [{"product_id": product, "quantity": 2}, {"product_id": other, "quantity": 2}]});
        let order = shop.post("/orders", &customer, items).await.body;
        assert_eq!((&order["status"], &order["reason"]), (&json!("rejected"), &json!(reason)));
        assert_eq!((&order["total"], &order["expires_at"]), (&Value::Null, &Value::Null));
        assert_eq!(shop.stock(&product).await, [5, 5, 0, 0]);
    }
}

#[tokio::test]
async fn a_hundred_concurrent_orders_for_ten_units_get_ten() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let placed = join_all((0..100).map(|_| shop.post("/orders", &customer, line(&product, 1)))).await;
    assert_eq!(placed.iter().filter(|answer| answer.body["status"] == "awaiting_payment").count(), 10);
    assert_eq!(placed.iter().filter(|answer| answer.body["reason"] == "out_of_stock").count(), 90);
    assert_eq!(shop.stock(&product).await, [10, 0, 10, 0]);
}

#[tokio::test]
async fn concurrent_requests_with_one_key_place_one_order() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let same = || shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1));
    let placed = join_all((0..8).map(|_| same())).await;
    assert!(
        placed.iter().all(|answer| answer.status == StatusCode::CREATED && answer.body == placed[0].body)
    );
    assert_eq!(placed.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed")).count(), 7);
    assert_eq!(shop.stock(&product).await, [10, 9, 1, 0]);

    let other_customer = shop.customer().await;
    let theirs = shop.post_keyed("/orders", &other_customer, "basket-1", line(&product, 1)).await;
    assert_ne!(theirs.body["id"], placed[0].body["id"], "a key belongs to its caller");
}

#[tokio::test]
async fn a_rejected_request_does_not_use_up_its_key() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let refused = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 0)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["errors"][0]["field"], "items[0].quantity");
    let placed = shop.post_keyed("/orders", &customer, "basket-1", line(&product, 1)).await;
    assert_eq!(placed.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_order_is_visible_only_to_its_customer_and_staff() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let order = shop.order(&customer, &product, 1).await;
    let (stranger, staff) = (shop.customer().await, shop.staff().await);
    assert_eq!(shop.get(&order, &stranger).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.pay(&stranger, &order).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.pay(&staff, &order).await.status, StatusCode::NOT_FOUND, "staff may cancel, never pay");
    assert_eq!(shop.get(&order, &staff).await.status, StatusCode::OK);
    assert_eq!(shop.get("/orders?scope=all", &stranger).await.status, StatusCode::FORBIDDEN);
    assert_eq!(shop.get("/orders", &stranger).await.body["items"], json!([]));
    assert_eq!(shop.get("/orders?scope=all", &staff).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_releases_its_stock_once() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let order = shop.order(&customer, &product, 4).await;
    for _ in 0..2 {
        let cancelled = shop.post(&format!("{order}/cancellation"), &customer, json!({})).await;
        assert_eq!(cancelled.status, StatusCode::ACCEPTED);
        assert_eq!(cancelled.body["reason"], "customer_request");
        assert_eq!(shop.stock(&product).await, [10, 10, 0, 0]);
    }
    assert_eq!(shop.pay(&customer, &order).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_expires() {
    let shop = Shop::open_with(&["--order-ttl", "50ms"]).await;
    let (product, customer) = (shop.product("Mug", 100, 10).await, shop.customer().await);
    let order = shop.order(&customer, &product, 4).await;
    let order = shop.until(&customer, &order, "cancelled").await;
    assert_eq!(order["reason"], "expired");
    assert_eq!(shop.stock(&product).await, [10, 10, 0, 0]);
}

/// For any sequence of requests to a shop with little stock, the ledger agrees with the orders.
#[test]
fn stock_is_conserved() {
    #[derive(Clone, Debug)]
    enum Action {
        Place { product: usize, quantity: i64 },
        Cancel { order: usize },
        Restock { product: usize, quantity: i64 },
    }

    let actions = prop_oneof![
        4 => (0..2usize, 1..4i64).prop_map(|(product, quantity)| Action::Place { product, quantity }),
        2 => (0..20usize).prop_map(|order| Action::Cancel { order }),
        1 => (0..2usize, 1..4i64).prop_map(|(product, quantity)| Action::Restock { product, quantity }),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(12));
    let conserved = runner.run(&prop::collection::vec(actions, 1..25), |actions| {
        runtime.block_on(async {
            let shop = Shop::open().await;
            let (staff, customer) = (shop.staff().await, shop.customer().await);
            let products = [shop.product("Mug", 100, 5).await, shop.product("Plate", 100, 0).await];
            let (mut received, mut orders) = ([5, 0], Vec::new());
            for action in actions {
                match action {
                    Action::Place { product, quantity } => {
                        orders.push((
                            shop.order(&customer, &products[product], quantity).await,
                            product,
                            quantity,
                        ));
                    }
                    Action::Cancel { order } if order < orders.len() => {
                        shop.post(&format!("{}/cancellation", orders[order].0), &customer, json!({})).await;
                    }
                    Action::Cancel { .. } => {}
                    Action::Restock { product, quantity } => {
                        let path = format!("/products/{}/restocks", products[product]);
                        shop.post(&path, &staff, json!({"quantity": quantity})).await;
                        received[product] += quantity;
                    }
                }
            }
            let mut held = [0, 0];
            for (order, product, quantity) in orders {
                if shop.get(&order, &customer).await.body["status"] == "awaiting_payment" {
                    held[product] += quantity;
                }
            }
            for product in 0..2 {
                let expected = [received[product], received[product] - held[product], held[product], 0];
                prop_assert_eq!(shop.stock(&products[product]).await, expected);
            }
            Ok(())
        })
    });
    conserved.unwrap();
}
