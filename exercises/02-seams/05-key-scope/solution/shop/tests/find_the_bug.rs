//! Your test of exercise 2.5.

use harness::Shop;
use serde_json::json;

#[path = "api/harness.rs"]
#[allow(dead_code)] // this test needs only a part of it
mod harness;

#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    for _ in 0..2 {
        let order = shop.order(&customer, &product, 1).await;
        let path = format!("{order}/payment");
        let paying = shop.post_keyed(&path, &customer, "payment-1", json!({"source": "tok_ok"})).await;
        let id = paying.body["id"].as_str().unwrap();
        assert!(order.ends_with(id), "the payment of {order} was answered with the order {id}");
    }
    let staff = shop.staff().await;
    for name in ["Mug", "Plate"] {
        let product = shop.product(name, 100, 5).await;
        let path = format!("/products/{product}/restocks");
        shop.post_keyed(&path, &staff, "delivery-1", json!({"quantity": 5})).await;
        assert_eq!(shop.stock(&product).await, [10, 10, 0, 0], "{name}");
    }
}
