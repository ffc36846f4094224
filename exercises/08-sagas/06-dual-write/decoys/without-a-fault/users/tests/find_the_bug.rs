#[tokio::test]
async fn the_bug_is_detected() {
    let users = Users::open().await;
    let ada = users.customer("ada@example.com").await;
    let renamed = users.client.json(Request::patch("/users/me"), Some(ada), json!({"name": "Countess"})).await;
    assert_eq!(renamed.status, StatusCode::OK);
    let mut conn = users.app.db().read().await.unwrap();
    let events: i64 = sqlx::query_scalar("select count(*) from outbox where message like '%Countess%'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(events, 1, "events in the outbox");
}
