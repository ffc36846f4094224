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
    join_all((0..4).map(|n| change(format!("battery staple {n}")))).await;
    let mut accepted = 0;
    for n in 0..4 {
        let session = shop.log_in("ada@example.com", &format!("battery staple {n}")).await;
        accepted += i32::from(session.status == StatusCode::CREATED);
    }
    assert_eq!(accepted, 1, "new passwords that are accepted");
}
