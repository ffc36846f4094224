#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let path = format!("{}/payment", shop.order(&customer, &product, 1).await);
    let first = shop.post_keyed(&path, &customer, "payment-1", json!({"source": "tok_ok"})).await;
    let second = shop.post_keyed(&path, &customer, "payment-1", json!({"source": "tok_ok"})).await;
    assert_eq!(first.body, second.body);
}
