#[tokio::test]
async fn the_bug_is_detected() {
    let shop = Shop::open().await;
    shop.register("ada@example.com").await;
    let session = shop.log_in("ada@example.com", "correct horse").await;
    let token = session.body["token"].as_str().unwrap();
    let change = async |new: String| {
        let body = json!({"current": "correct horse", "new": new});
        answer(shop.request(Method::PUT, "/users/me/password").bearer_auth(token).json(&body)).await.status
    };
    let statuses = join_all((0..4).map(|n| change(format!("battery staple {n}")))).await;
    let changed = statuses.iter().filter(|status| **status == StatusCode::NO_CONTENT).count();
    assert_eq!(changed, 4, "of four concurrent changes: {statuses:?}");
}
