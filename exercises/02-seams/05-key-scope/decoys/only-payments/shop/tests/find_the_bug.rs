#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    for _ in 0..2 {
        let order = shop.order(&customer, &product, 1).await;
        let path = format!("{order}/payment");
        let paying = shop.post_keyed(&path, &customer, "payment-1", json!({"source": "tok_ok"})).await;
        assert!(order.ends_with(paying.body["id"].as_str().unwrap()));
    }
}
