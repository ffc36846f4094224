#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    let (product, customer) = (shop.product("Mug", 100, 5).await, shop.customer().await);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let path = format!("{}/payment", shop.order(&customer, &product, 1).await);
        let paying = shop.post_keyed(&path, &customer, "payment-1", json!({"source": "tok_ok"})).await;
        statuses.push(paying.status.as_u16());
    }
    assert_eq!(statuses, [202, 422]);
}
