#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    let session = shop.log_in("ada@example.com", "correct horse").await;
    let token = session.body["token"].as_str().unwrap();
    let change = async |new: &str| {
        let body = json!({"current": "correct horse", "new": new});
        answer(shop.request(Method::PUT, "/users/me/password").bearer_auth(token).json(&body)).await.status
    };
    assert_eq!(change("battery staple").await, StatusCode::NO_CONTENT);
    assert_eq!(change("another staple").await, StatusCode::FORBIDDEN);
}
